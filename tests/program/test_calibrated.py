"""Pruning that looks at activations, N:M, owl, evaluate and export: the whole program on the
embedded model and on tiny ones whose figures another implementation computed."""
import json
import re
import unittest

import numpy as np

from harness import BOOKS, TINY, ProgramTest, start, tensors_of

FIXED_CLOCK = {"SOURCE_DATE_EPOCH": "1700000000"}
SIXTEEN_BITS = {"BF16", "F16"}
FEW = ("--calibration", BOOKS / "calibration.npy", "--nsamples", 4, "--seqlen", 64)
METHODS = {"magnitude": (), "wanda": FEW, "sparsegpt": FEW}
TINY_MODELS = ("tiny-llama3", "tiny-mistral", "tiny-qwen2", "tiny-opt")


def is_kept(tensor):
    """Where a stored matrix is not zero, of either sign."""
    dtype, shape, data = tensor
    bits = np.frombuffer(data, "<u2" if dtype in SIXTEEN_BITS else "<u4").reshape(shape)
    return bits << 1 != 0


class CalibratedTest(ProgramTest):
    def prune(self, method, *options, output="out", ranks=1, model=BOOKS, environment=None):
        output = self.folder / output
        self.succeed(model, output, "--prune-method", method, *METHODS[method], *options,
                     ranks=ranks, environment=environment)
        return output

    def masks(self, output):
        tensors = tensors_of(output / "hf")
        return {m["name"]: is_kept(tensors[m["name"]]) for m in self.report(output)["matrices"]}

    def check_timeline(self, run, kinds):
        """What ranks did in each of these phases: some of each of these kinds, on all of them."""
        self.assertEqual(set(run["timeline"]), set(kinds))
        for phase, timeline in run["timeline"].items():
            for kind, seconds in timeline["ranks"].items():
                self.assertEqual(len(seconds), run["ranks"], kind)
                self.assertEqual(kind in (*kinds[phase], "wait", "other"), min(seconds) > 0,
                                 f"{phase}: {kind} {seconds}")
            totals = [sum(seconds) for seconds in zip(*timeline["ranks"].values())]
            self.assertAlmostEqual(max(totals), timeline["seconds"], places=4)
            self.assertLessEqual(timeline["seconds"], run["seconds"])
            self.assertEqual([block["block"] for block in timeline["blocks"]], list(range(8)))
            self.assertLess(sum(block["most_busy"] for block in timeline["blocks"]),
                            run["seconds"])

    def perplexity_line(self, model, text, *options, ranks=1):
        done = start(["evaluate", "--model", model, "--eval", text, *options], ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip().splitlines()[-1]


class Methods(CalibratedTest):
    def test_wanda_takes_its_share_of_every_row_and_ranks_do_not_matter(self):
        outputs = [self.prune("wanda", "--allocation", "uniform", "--sparsity-ratio", 0.7,
                              output=f"np{ranks}", ranks=ranks, environment=FIXED_CLOCK)
                   for ranks in (1, 3)]
        for matrix in self.report(outputs[0])["matrices"]:
            self.assertEqual(matrix["zeros"], matrix["rows"] * int(matrix["cols"] * 0.7),
                             matrix["name"])
        first = (outputs[0] / "checkpoint.h5").read_bytes()
        for other in outputs[1:]:
            self.assertEqual((other / "checkpoint.h5").read_bytes() == first, True, other.name)

    def test_ranks_do_not_matter_to_sparsegpt(self):
        uniform = ("--allocation", "uniform", "--sparsity-ratio", 0.7)
        for name, options, counts in (("ratio", uniform, (1, 5)),
                                      ("damped", (*uniform, "--damping", 0.2), (1,)),
                                      ("2to4", ("--sparsity-type", "2:4"), (1, 3))):
            outputs = [self.prune("sparsegpt", *options, "--blocks", "0-1", output=f"{name}{ranks}",
                                  ranks=ranks, environment=FIXED_CLOCK) for ranks in counts]
            self.assertEqual(self.report(outputs[-1])["run"]["ranks"], counts[-1])
            first, *others = ((output / "checkpoint.h5").read_bytes() for output in outputs)
            for other in others:
                self.assertEqual(first == other, True, name)
        damped, plain = ((self.folder / name / "checkpoint.h5").read_bytes()
                         for name in ("damped1", "ratio1"))
        self.assertNotEqual(damped == plain, True)

    def test_two_of_four_in_every_group(self):
        for method in METHODS:
            with self.subTest(method=method):
                output = self.prune(method, "--sparsity-type", "2:4", "--format", "safetensors",
                                    output=method, ranks=2)
                for name, kept in self.masks(output).items():
                    groups = kept.reshape(kept.shape[0], -1, 4).sum(axis=2)
                    self.assertTrue((groups == 2).all(), name)
                self.assertEqual(self.report(output)["sparsity_type"], "2:4")
                self.assertEqual(self.report(output)["sparsity"], 0.5)

    def test_mixed_patterns_meet_the_ratio_on_the_whole(self):
        output = self.prune("wanda", "--sparsity-type", "mixed-N:8", "--sparsity-ratio", 0.6,
                            "--metric", "alpha_mid", "--format", "safetensors", ranks=2)
        report = self.report(output)
        removed_in = {}
        for name, kept in self.masks(output).items():
            removed = 8 - kept.reshape(kept.shape[0], -1, 8).sum(axis=2)
            self.assertEqual(removed.min(), removed.max(), name)
            removed_in[name] = int(removed.min())
        for matrix in report["matrices"]:
            self.assertEqual(matrix["sparsity_ratio"], removed_in[matrix["name"]] / 8)
        self.assertGreater(len(set(removed_in.values())), 1)
        self.assertAlmostEqual(report["sparsity"], 0.6, delta=0.02)

    def test_owl_gives_blocks_their_own_ratios(self):
        output = self.folder / "out"
        self.succeed(BOOKS, output, "--allocation", "owl", *FEW, "--sparsity-ratio", 0.6, ranks=2)
        matrices = self.report(output)["matrices"]
        of_block = {}
        for matrix in matrices:
            of_block.setdefault(matrix["block"], set()).add(matrix["sparsity_ratio"])
        self.assertTrue(all(len(ratios) == 1 for ratios in of_block.values()))
        ratios = [ratio for (ratio,) in of_block.values()]
        self.assertAlmostEqual(max(ratios) - min(ratios), 0.16, places=9)  # twice OWL's lambda
        sizes = [m["rows"] * m["cols"] for m in matrices]
        mean = np.average([m["sparsity_ratio"] for m in matrices], weights=sizes)
        self.assertAlmostEqual(mean, 0.6, places=6)


class EvaluateAndExport(CalibratedTest):
    def test_checkpoint_and_folder_are_the_same_model(self):
        text = self.folder / "short.npy"
        np.save(text, np.load(BOOKS / "eval_short.npy")[:2000])
        output = self.prune("wanda", "--allocation", "uniform", "--sparsity-ratio", 0.5,
                            "--format", "hdf5", "--format", "safetensors", "--eval", text,
                            ranks=3)
        lines = [self.perplexity_line(output / model, text, "--seqlen", 64, ranks=ranks)
                 for model, ranks in (("hf", 1), ("checkpoint.h5", 2), ("hf", 3))]
        self.assertRegex(lines[0], r"^perplexity [0-9.]+ \(seqlen 64, windows 31\)$")
        self.assertEqual(len(set(lines)), 1, lines)
        told, = self.report(output)["perplexity"]
        self.assertEqual(lines[0].split()[1], f"{told['pruned']:.6g}")
        self.assertLess(told["dense"], told["pruned"])
        self.check_timeline(self.report(output)["run"],
                            {"prune": ("read", "forward", "statistics", "prune", "write"),
                             "evaluate": ("read", "forward")})

        exported = self.folder / "exported"
        done = start(["export", "--model", output / "checkpoint.h5", "--output", exported], 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(tensors_of(exported), tensors_of(output / "hf"))
        names = sorted(p.name for p in exported.iterdir())
        self.assertEqual(names, sorted(p.name for p in (output / "hf").iterdir()))
        for name in names:
            if not name.endswith(".safetensors"):  # those say in their metadata who wrote them
                self.assertEqual((exported / name).read_bytes(),
                                 (output / "hf" / name).read_bytes(), name)

    def test_a_row_for_each_text(self):
        texts = [self.folder / name for name in ("first.npy", "second.npy")]
        for seed, text in enumerate(texts):
            np.save(text, np.random.default_rng(seed).integers(0, 512, 640 + 64 * seed, dtype="<i4"))
        output = self.folder / "out"
        done = self.succeed(TINY / "tiny-llama3", output, "--allocation", "uniform", "--seqlen", 64,
                            "--eval", texts[0], "--eval", texts[1], ranks=2)
        told = self.report(output)["perplexity"]
        rows = [line for line in done.stdout.splitlines() if line.startswith("perplexity ")]
        self.assertEqual(rows, [
            f"perplexity {entry['dense']:.3f} dense, {entry['pruned']:.3f} pruned "
            f"({text}, seqlen 64, windows {10 + number})"
            for number, (text, entry) in enumerate(zip(texts, told, strict=True))])
        alone = self.perplexity_line(output / "checkpoint.h5", texts[1], "--seqlen", 64)
        self.assertEqual(alone.split()[1], f"{told[1]['pruned']:.6g}")
        self.assertNotEqual(told[0]["pruned"], told[1]["pruned"])

    def test_nothing_pruned_is_the_model_itself(self):
        for model in (TINY / "tiny-qwen2", TINY / "tiny-opt"):
            dense = tensors_of(model)
            exported = self.folder / f"{model.name}-hf"
            done = start(["export", "--model", model, "--output", exported], 3)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(tensors_of(exported), dense)
            output = self.prune("magnitude", "--allocation", "uniform", "--sparsity-ratio", 0,
                                "--format", "safetensors", model=model, output=model.name, ranks=2)
            self.assertEqual(tensors_of(output / "hf"), dense)
            again = start(["export", "--model", model, "--output", exported])
            self.assertEqual(again.returncode, 2)
            self.assertIn("--overwrite", again.stderr)

    def test_figures_of_another_implementation(self):
        for name in TINY_MODELS:
            golden = json.loads((TINY / name / "golden.json").read_text())
            tokens = self.folder / f"{name}.npy"
            np.save(tokens, np.array(golden["input_ids"], dtype=np.int32))
            requests = {
                "magnitude_0.6": ("--sparsity-ratio", 0.6, "--ties", "inclusive"),
                "wanda_0.5": ("--sparsity-ratio", 0.5, "--prune-method", "wanda",
                              "--calibration", tokens, "--nsamples", 2),
            }
            for key, options in requests.items():
                with self.subTest(model=name, request=key):
                    output = self.folder / f"{name}-{key}"
                    self.succeed(TINY / name, output, "--allocation", "uniform", *options,
                                 "--eval", tokens, ranks=2)
                    told, = self.report(output)["perplexity"]
                    expected = {"dense": golden["perplexity"], "pruned": golden[key]["perplexity"]}
                    for which, value in expected.items():
                        self.assertLess(abs(told[which] / value - 1), 0.005, (which, told, value))


class Refusals(CalibratedTest):
    def refuse(self, *options, says, model=TINY / "tiny-llama3"):
        output = self.folder / "refused"
        done = self.run_model(model, output, *options, ranks=2)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        for text in says:
            self.assertRegex(done.stderr, text)
        self.assertFalse(output.exists() and any(output.glob("checkpoint*")))

    def save(self, name, tokens):
        np.save(self.folder / name, np.array(tokens, dtype=np.int32))
        return self.folder / name

    def test_tokens_that_do_not_fit_the_model(self):
        wanda = ("--prune-method", "wanda", "--calibration")
        beyond = self.save("beyond.npy", [[1, 2, 3, 512]])
        negative = self.save("negative.npy", [1, -2, 3, 4])
        good = self.save("good.npy", np.arange(300))
        for option in (wanda, ("--eval",)):
            self.refuse(*option, beyond, says=[r"beyond\.npy", "512", "vocabulary"])
            self.refuse(*option, negative, says=[r"negative\.npy", "-2"])
            self.refuse(*option, good, "--seqlen", 257, says=[r"good\.npy", "257", "256"])
            self.refuse(*option, self.folder / "absent.npy", says=[r"absent\.npy"])
        few = self.save("few.npy", np.arange(10))
        self.refuse(*wanda, few, "--seqlen", 64, says=[r"few\.npy", "10 tokens"])
        self.refuse("--eval", few, "--seqlen", 64, says=[r"few\.npy", "10 tokens"])
        self.refuse(*wanda, self.save("samples.npy", np.ones((3, 8))), "--nsamples", 4,
                    says=[r"samples\.npy", "--nsamples 3"])

    def test_an_architecture_without_a_forward_pass(self):
        model = self.copy_of(TINY / "tiny-llama3")
        config = json.loads((model / "config.json").read_text())
        config["model_type"] = "nonesuch"
        config["architectures"] = ["NonesuchForCausalLM"]
        (model / "config.json").write_text(json.dumps(config))
        tokens = self.save("tokens.npy", np.ones((4, 16)))
        for options in (("--prune-method", "wanda", "--calibration", tokens, "--nsamples", 4),
                        ("--allocation", "owl", "--calibration", tokens, "--nsamples", 4)):
            self.refuse(*options, model=model, says=["nonesuch", "magnitude"])
        self.prune("magnitude", "--allocation", "uniform", model=model)

    def test_evaluate_and_export_of_what_is_no_model(self):
        (self.folder / "text.h5").write_text("no checkpoint")
        for model in (self.folder / "absent", self.folder / "text.h5"):
            name = re.escape(model.name)
            for command in (["evaluate", "--eval", BOOKS / "eval_short.npy"],
                            ["export", "--output", self.folder / "hf"]):
                done = start([*command, "--model", model], 2)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertRegex(done.stderr, name)
            self.assertFalse((self.folder / "hf").exists())


if __name__ == "__main__":
    unittest.main()
