"""Where config.json and the files disagree about the forward pass, results that are no numbers, and
calibration files with few samples: what is computed, what is said, and what is refused."""
import json
import re
import unittest

import numpy as np

from harness import TINY, ProgramTest, read_safetensors, start, write_safetensors

HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"


def read_tensors(folder):
    """{name: values} of a model in one file of float32."""
    header, data = read_safetensors(folder / "model.safetensors")
    header.pop("__metadata__", None)
    return {name: np.frombuffer(bytes(data[slice(*entry["data_offsets"])]),
                                {"F32": "<f4"}[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}


def write_tensors(folder, tensors):
    header, data = {}, bytearray()
    for name, values in tensors.items():
        raw = np.asarray(values, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(np.shape(values)),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    write_safetensors(folder / "model.safetensors", header, data)


class ForwardTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.tokens = self.folder / "tokens.npy"
        np.save(self.tokens, np.random.default_rng(1).integers(0, 512, (12, 64), dtype="<i4"))

    def model(self, name, tensors=None, **config):
        """A copy of a tiny model with other settings, and with tensors changed: {name: f(values)}, or
        the new values, or None for one to leave out."""
        folder = self.copy_of(TINY / "tiny-llama3", name)
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
        stored = read_tensors(folder)
        for one, change in (tensors or {}).items():
            stored[one] = change(stored[one]) if callable(change) else change
        write_tensors(folder, {one: values for one, values in stored.items() if values is not None})
        return folder

    def evaluate(self, model, ranks=1):
        return start(["evaluate", "--model", model, "--eval", self.tokens], ranks)

    def perplexity(self, model, ranks=1):
        done = self.evaluate(model, ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        return float(re.fullmatch(r"perplexity ([\d.]+) .*\n", done.stdout)[1]), done.stderr

    def calibrated(self, model, output, *options, **more):
        return self.run_model(model, self.folder / output, "--calibration", self.tokens,
                              "--metric", "alpha_mid", *options, **more)

    def assert_refused(self, done, *words):
        self.assertEqual(done.returncode, 2, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


class Heads(ForwardTest):
    def test_a_stored_head_is_used_although_it_is_tied(self):
        expected, said = self.perplexity(TINY / "tiny-llama3")
        self.assertNotIn("tie_word_embeddings", said)
        tied = self.model("tied", tie_word_embeddings=True)
        value, said = self.perplexity(tied, ranks=3)
        self.assertEqual(value, expected)
        self.assertIn(f"warning: {HEAD} is not the embedding {EMBEDDING}, although "
                      "tie_word_embeddings is true", said)
        output = self.folder / "out"
        done = self.succeed(tied, output, "--sparsity-ratio", 0, "--allocation", "uniform", "--eval",
                            self.tokens, "--format", "safetensors", ranks=2)
        self.assertEqual(done.stderr.count(f"warning: {HEAD} is not the embedding"), 1)
        report = self.report(output)
        self.assertTrue(any(HEAD in note for note in report["notes"]), report["notes"])
        self.assertAlmostEqual(report["perplexity"][0]["pruned"] / expected, 1, delta=1e-5)
        self.assertEqual(self.perplexity(output / "hf")[0], expected)

    def test_an_equal_head_is_silent(self):
        equal = read_tensors(TINY / "tiny-llama3")[EMBEDDING]
        both = self.perplexity(self.model("both", {HEAD: equal}, tie_word_embeddings=True), ranks=2)
        one = self.perplexity(self.model("one", {HEAD: None}, tie_word_embeddings=True))
        head = self.perplexity(self.model("head", {HEAD: equal, EMBEDDING: None},
                                          tie_word_embeddings=True))
        for value, said in (both, one, head):
            self.assertEqual(value, one[0])
            self.assertNotIn("tie_word_embeddings", said)

    def test_without_a_head_everything_but_perplexity_works(self):
        model = self.model("m", {HEAD: None})
        for name, options in {"magnitude": (), "wanda": ("--calibration", self.tokens),
                              "sparsegpt": ("--calibration", self.tokens),
                              "owl": ("--calibration", self.tokens)}.items():
            method = ("--prune-method", name) if name != "owl" else ("--allocation", "owl")
            metric = ("--metric", "alpha_mid") if name != "owl" else ()
            done = self.succeed(model, self.folder / name, *method, *metric, *options)
            self.assertNotIn(HEAD, done.stderr)
        refused = ("lm_head.weight is missing", "tie_word_embeddings", "no head")
        self.assert_refused(self.evaluate(model, ranks=2), *refused)
        output = self.folder / "refused"
        self.assert_refused(self.run_model(model, output, "--eval", self.tokens), *refused)
        self.assertFalse(output.exists())
        self.assert_refused(start(["plan", "--model", model, "--eval", self.tokens]), *refused)
        self.assert_refused(self.evaluate(self.model("norm", {"model.norm.weight": None})),
                            "model.norm.weight")

    def test_an_embedding_cannot_be_done_without(self):
        model = self.model("m", {EMBEDDING: None})
        self.assert_refused(self.calibrated(model, "out", "--prune-method", "wanda"), EMBEDDING)
        self.succeed(model, self.folder / "magnitude")


class Biases(ForwardTest):
    def test_those_that_the_configuration_denies_are_left_out(self):
        expected, _ = self.perplexity(TINY / "tiny-llama3")
        names = [f"model.layers.{block}.self_attn.{part}_proj.bias"
                 for block in range(3) for part in ("q", "o")]
        biases = {name: np.full(64, 0.5) for name in names}
        model = self.model("denied", biases)
        value, said = self.perplexity(model, ranks=2)
        self.assertEqual(value, expected)
        self.assertIn("warning: the forward pass leaves out biases that the files hold and config.json "
                      f"does not announce, as transformers does: {names[0]}", said)
        output = self.folder / "out"
        self.succeed(model, output, "--prune-method", "wanda", "--calibration", self.tokens,
                     "--metric", "alpha_mid", "--format", "safetensors")
        self.assertTrue(any(names[0] in note for note in self.report(output)["notes"]))
        header, _ = read_safetensors(next((output / "hf").glob("*.safetensors")))
        self.assertIn(names[0], header, "written as it was")
        announced = self.model("announced", biases, attention_bias=True)
        self.assert_refused(self.evaluate(announced), "model.layers.0.self_attn.k_proj.bias")
        self.succeed(announced, self.folder / "magnitude")

    def test_what_the_family_does_not_have_is_named(self):
        name = "model.layers.1.self_attn.q_norm.weight"
        value, said = self.perplexity(self.model("m", {name: np.ones(16)}))
        self.assertEqual(value, self.perplexity(TINY / "tiny-llama3")[0])
        self.assertIn(f"warning: the forward pass of llama models has no use for these tensors, which "
                      f"the files hold: {name}", said)


class NotNumbers(ForwardTest):
    def setUp(self):
        super().setUp()
        mlp = "model.layers.0.mlp."
        self.damaged = self.model("damaged", {mlp + "down_proj.weight": lambda v: v * 1e30,
                                              mlp + "up_proj.weight": lambda v: v * 1e20})

    def test_calibration_names_the_matrix(self):
        for options in (("--prune-method", "wanda", "--allocation", "uniform"),
                        ("--prune-method", "sparsegpt", "--allocation", "uniform"),
                        ("--allocation", "owl")):
            done = self.run_model(self.damaged, self.folder / "out", "--calibration", self.tokens,
                                  "--overwrite", *options, ranks=2)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, r"(inputs of a matrix|scores .*) are NaN or too large for")
            self.assertRegex(done.stderr, r"where: +model\.layers\.\d+\.\S+_proj\.weight")

    def test_perplexity_is_an_error_or_a_note(self):
        done = self.evaluate(self.damaged, ranks=2)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertIn("the perplexity is not a number", done.stderr)
        self.assertIn(str(self.tokens), done.stderr)
        output = self.folder / "out"
        done = self.succeed(self.damaged, output, "--metric", "alpha_mid", "--eval", self.tokens)
        self.assertIn("perplexity not a number dense, not a number pruned", done.stdout)
        self.assertNotRegex(done.stdout, r"\bnan\b|\binf\b")
        self.assertIn(f"warning: the perplexity of the dense model on {self.tokens} is not a number",
                      done.stderr)
        text = (output / "report.json").read_text()
        report = json.loads(text, parse_constant=lambda name: self.fail(name))
        self.assertEqual((report["perplexity"][0]["dense"], report["perplexity"][0]["pruned"]),
                         (None, None))
        self.assertEqual(sum("is not a number" in note for note in report["notes"]), 2)


class FewSamples(ForwardTest):
    def test_all_are_taken_unless_more_are_asked_for(self):
        model = TINY / "tiny-llama3"
        done = self.calibrated(model, "out", "--prune-method", "wanda", ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = f"{self.tokens} has 12 samples, fewer than the usual 128: calibration takes them all"
        self.assertIn(f"warning: {said}", done.stderr)
        report = self.report(self.folder / "out")
        self.assertEqual(report["calibration"]["sequences"], 12)
        self.assertIn(said, report["notes"])
        again = self.calibrated(model, "out", "--prune-method", "wanda", "--nsamples", 12, "--resume")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("nothing is left to do", again.stderr)
        silent = self.calibrated(model, "ten", "--prune-method", "wanda", "--nsamples", 10)
        self.assertEqual(silent.returncode, 0, silent.stderr)
        self.assertNotIn("samples", silent.stderr)
        for options, environment in ((("--nsamples", 13), {}), ((), {"ALPHAPRUNE_NSAMPLES": "13"})):
            done = self.calibrated(model, "more", "--prune-method", "wanda", *options,
                                   environment=environment)
            self.assert_refused(done, "the file has 12 samples, 13 are asked for")
        for options in (("--calibration", self.tokens), ()):
            done = start(["plan", "--model", model, "--prune-method", "wanda", *options])
            self.assertEqual(done.returncode, 0, done.stderr)


class SeveralFiles(ForwardTest):
    def setUp(self):
        super().setUp()
        self.stream = self.folder / "stream.npy"
        np.save(self.stream, np.random.default_rng(2).integers(0, 512, 900, dtype="<i4"))

    def prune(self, output, *options, **more):
        return self.run_model(TINY / "tiny-llama3", self.folder / output, "--prune-method", "wanda",
                              "--metric", "alpha_mid", "--format", "safetensors", *options, **more)

    def weights(self, output):
        return (self.folder / output / "hf" / "model.safetensors").read_bytes()

    def test_they_have_their_shares_on_any_number_of_ranks(self):
        options = ("--calibration", f"{self.tokens}:1", "--calibration", f"{self.stream}:2",
                   "--nsamples", 9)
        for ranks in (1, 3):
            done = self.prune(f"np{ranks}", *options, ranks=ranks)
            self.assertEqual(done.returncode, 0, done.stderr)
            calibration = self.report(self.folder / f"np{ranks}")["calibration"]
            self.assertEqual(calibration, {
                "text": f"{self.tokens}, {self.stream}", "seqlen": 64, "sequences": 9, "seed": 0,
                "files": [{"path": str(self.tokens), "weight": 1, "sequences": 3},
                          {"path": str(self.stream), "weight": 2, "sequences": 6}]})
        self.assertEqual(self.weights("np1"), self.weights("np3"))
        # The same sequences in one file are the same run: the order is the documented one.
        samples, stream = np.load(self.tokens), np.load(self.stream)
        starts = [self.draw(window, len(stream) - 64 + 1) for window in range(6)]
        windows = [stream[start:start + 64] for start in starts]
        order = np.stack([windows[0], samples[0], windows[1], windows[2], samples[1], windows[3],
                          windows[4], samples[2], windows[5]])
        np.save(self.folder / "one.npy", order.astype("<i4"))
        done = self.prune("np3", "--calibration", self.folder / "one.npy", "--nsamples", 9, "--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nothing is left to do", done.stderr)
        done = self.prune("alone", "--calibration", f"{self.stream}:5", "--nsamples", 2, "--seqlen", 64)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.report(self.folder / "alone")["calibration"],
                         {"text": str(self.stream), "seqlen": 64, "sequences": 2, "seed": 0})
        done = start(["plan", "--validate", self.folder / "np1"])
        self.assertEqual(done.returncode, 0, done.stderr)

    @staticmethod
    def draw(window, starts):
        """The rule of docs/methods.md with the seed 0; so few starts reject next to nothing."""
        z = (window + 1) * 0x9E3779B97F4A7C15 % 2**64
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        return (z ^ z >> 31) % starts

    def test_what_is_said_and_refused(self):
        both = ("--calibration", self.tokens, "--calibration", self.stream)
        done = self.prune("few", *both, ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = f"{self.tokens} has 12 samples, fewer than its share of 64: calibration takes them all"
        self.assertIn(f"warning: {said}", done.stderr)
        report = self.report(self.folder / "few")
        self.assertIn(said, report["notes"])
        self.assertEqual([file["sequences"] for file in report["calibration"]["files"]], [12, 64])
        inside = self.folder / "few" / "hf" / "tokens.npy"
        np.save(inside, np.load(self.tokens))
        refused = {"the file has 12 samples, 20 are asked for": (*both, "--nsamples", 40),
                   "2 calibration files are more than 1 samples": (*both, "--nsamples", 1),
                   "the weight '0' is not a number above 0":
                       (*both[:3], f"{self.stream}:0"),
                   "the weight 'half' is not a number above 0":
                       (*both[:3], f"{self.stream}:half"),
                   "absent.npy": (*both, "--calibration", self.folder / "absent.npy"),
                   "--overwrite would remove what this run reads":
                       (*both, "--calibration", f"{inside}:0.5", "--overwrite")}
        for word, options in refused.items():
            with self.subTest(word=word):
                self.assert_refused(self.prune("few" if "--overwrite" in options else "refused",
                                               *options, ranks=2), word)


class OwlParameters(ForwardTest):
    def test_they_reach_ratios_report_and_resume(self):
        def run(output, *options):
            return self.run_model(TINY / "tiny-llama3", self.folder / output, "--calibration",
                                  self.tokens, "--allocation", "owl", "--sparsity-ratio", 0.5,
                                  *options)
        for width in (0.08, 0.2):
            options = ("--owl-lambda", width) if width != 0.08 else ()
            self.assertEqual(run(f"{width}", *options).returncode, 0)
            report = self.report(self.folder / f"{width}")
            ratios = [matrix["sparsity_ratio"] for matrix in report["matrices"]]
            self.assertAlmostEqual(max(ratios) - min(ratios), 2 * width)
            self.assertEqual((report["allocation"]["owl_lambda"], report["allocation"]["owl_m"]),
                             (width, 5))
        few = run("few", "--owl-m", 2)
        self.assertEqual(few.returncode, 0, few.stderr)
        self.assertNotEqual([m["sparsity_ratio"] for m in self.report(self.folder / "few")["matrices"]],
                            [m["sparsity_ratio"] for m in self.report(self.folder / "0.08")["matrices"]])
        self.assert_refused(run("few", "--owl-m", 3, "--resume"), "was another one")
        self.assertEqual(run("few", "--owl-m", 2, "--resume").returncode, 0)


if __name__ == "__main__":
    unittest.main()
