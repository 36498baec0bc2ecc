"""Models without weight files, models by name, and a part of a model's blocks."""
import json
import shutil
import unittest

import h5py
import numpy as np

from harness import BOOKS, GROUP_SOLVER, TINY, ProgramTest, read_safetensors, start

FIXED_CLOCK = {"SOURCE_DATE_EPOCH": "1700000000"}
FAMILIES = ("tiny-llama3", "tiny-mistral", "tiny-qwen2", "tiny-opt")


def metrics_of(report):
    return {m["name"]: m["metrics"] for m in report["matrices"]}


class Synthetic(ProgramTest):
    def config_only(self, name):
        """A folder with nothing but the config.json of a tiny model."""
        folder = self.folder / name
        folder.mkdir()
        shutil.copy(TINY / name / "config.json", folder)
        return folder

    def tokens(self, samples=6, length=24):
        path = self.folder / "tokens.npy"
        np.save(path, np.random.default_rng(1).integers(0, 512, (samples, length)).astype("int32"))
        return path

    def test_the_spectra_do_not_depend_on_the_ranks(self):
        model = self.config_only("tiny-llama3")
        reports = []
        for ranks, *options in ((1,), (2,), (3,), (4, "--solver", GROUP_SOLVER)):
            output = self.folder / f"out{len(reports)}"
            done = start(["analyze", "--model", model, "--synthetic", "--output", output,
                          *options], ranks)
            self.assertEqual(done.returncode, 0, done.stderr)
            reports.append(self.report(output))
            log = (output / "run.log").read_text().splitlines()
            self.assertIn(" alphaprune_mpi ", log[0])
            self.assertIn("the weights are synthetic", log[1])  # said before run.log was opened
        self.assertEqual(reports[0]["model"]["name"], "tiny-llama3-synthetic")
        first, *same, groups = map(metrics_of, reports)
        for other in same:
            self.assertEqual(first, other)
        for name, metrics in first.items():
            self.assertAlmostEqual(metrics["alpha_mid"], groups[name]["alpha_mid"], places=8)
        blocks = {m["block"]: m["metrics"]["alpha_mid"] for m in reports[0]["matrices"]}
        self.assertEqual(len(set(blocks.values())), 3)

    def test_an_exported_one_is_the_same_model_on_disk(self):
        for name in FAMILIES:
            with self.subTest(model=name):
                model = self.config_only(name)
                disk = self.folder / f"{name}-disk"
                done = start(["export", "--model", model, "--synthetic", "--output", disk], 2)
                self.assertEqual(done.returncode, 0, done.stderr)
                outputs = []
                for source, *options in ((model, "--synthetic"), (disk,)):
                    outputs.append(self.folder / f"{name}-{len(outputs)}")
                    self.succeed(source, outputs[-1], "--prune-method", "wanda",
                                 "--calibration", self.tokens(), "--nsamples", "6",
                                 "--eval", self.tokens(), *options,
                                 ranks=3 - len(outputs))
                made, stored = map(self.report, outputs)
                self.assertEqual(metrics_of(made), metrics_of(stored))
                self.assertEqual([m["zeros"] for m in made["matrices"]],
                                 [m["zeros"] for m in stored["matrices"]])
                with h5py.File(outputs[0] / "checkpoint.h5") as a, \
                        h5py.File(outputs[1] / "checkpoint.h5") as b:
                    for tensor in read_safetensors(disk / "model.safetensors")[0]:
                        if tensor != "__metadata__":
                            np.testing.assert_array_equal(a["tensors"][tensor][...],
                                                          b["tensors"][tensor][...])
                for ours, theirs in zip(made["perplexity"], stored["perplexity"]):
                    self.assertTrue(1 < ours["dense"] < 1e9 and 1 < ours["pruned"] < 1e9, ours)
                    self.assertAlmostEqual(ours["dense"] / theirs["dense"], 1, places=6)
                done = start(["evaluate", "--model", model, "--synthetic",
                              "--eval", self.tokens()], 2)
                self.assertAlmostEqual(float(done.stdout.split()[1]) /
                                       made["perplexity"][0]["dense"], 1, places=4)

    def test_a_short_name_needs_no_file(self):
        output = self.folder / "out"
        done = start(["analyze", "--model", "OPT-125M", "--synthetic", "--blocks", "11",
                      "--output", output], 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = self.report(output)
        self.assertEqual(report["model"]["name"], "opt-125m-synthetic")
        self.assertEqual(report["model"]["blocks"], 1)
        self.assertEqual([(m["rows"], m["cols"]) for m in report["matrices"]],
                         [(768, 768)] * 4 + [(3072, 768), (768, 3072)])

    def test_what_cannot_be_made_is_refused(self):
        output = self.folder / "out"
        self.succeed(TINY / "tiny-opt", output, "--allocation", "uniform")
        for model, says in ((output / "checkpoint.h5", "--synthetic has no meaning"),
                            ("no-such-model", "no-such-model"),
                            (self.folder / "absent", "absent")):
            done = start(["evaluate", "--model", model, "--synthetic",
                          "--eval", self.tokens()], 2)
            self.assertEqual(done.returncode, 2)
            self.assertIn(says, done.stderr)
            self.assertIn("remedy", done.stderr)


class SomeBlocks(ProgramTest):
    def test_the_metrics_are_those_of_the_whole_model(self):
        start(["analyze", "--model", BOOKS, "--output", self.folder / "whole"], 2)
        start(["analyze", "--model", BOOKS, "--output", self.folder / "part", "--blocks", "2-4"], 2)
        whole, part = self.report(self.folder / "whole"), self.report(self.folder / "part")
        self.assertEqual({m["block"] for m in part["matrices"]}, {2, 3, 4})
        self.assertEqual(len(part["matrices"]), 21)
        for name, metrics in metrics_of(part).items():
            self.assertEqual(metrics, metrics_of(whole)[name])

    def test_the_others_are_written_dense(self):
        dense, data = read_safetensors(BOOKS / "model.safetensors")
        for method in ("magnitude", "wanda"):
            output = self.folder / method
            more = [] if method == "magnitude" else [
                "--calibration", BOOKS / "calibration.npy", "--nsamples", "4", "--seqlen", "32"]
            self.succeed(BOOKS, output, "--blocks", "1-2", "--sparsity-ratio", "0.6",
                         "--metric", "alpha_mid", "--prune-method", method, *more, ranks=2)
            report = self.report(output)
            sizes = [m["rows"] * m["cols"] for m in report["matrices"]]
            ratios = [m["sparsity_ratio"] for m in report["matrices"]]
            self.assertAlmostEqual(np.dot(sizes, ratios) / sum(sizes), 0.6, places=12)
            verified = start(["verify", output], 2)
            self.assertEqual(verified.returncode, 0, verified.stderr)
            with h5py.File(output / "checkpoint.h5") as file:
                for name, entry in dense.items():
                    if name == "__metadata__":
                        continue
                    begin, end = entry["data_offsets"]
                    bits = np.frombuffer(data[begin:end], "<u2").astype("<u4") << 16
                    expected = bits.view("<f4").reshape(entry["shape"])
                    chosen = any(f".layers.{b}." in name for b in (1, 2)) and "proj" in name
                    same = np.array_equal(file["tensors"][name][...], expected)
                    self.assertEqual(same, not chosen, name)

    def test_owl_and_caches_follow_the_chosen_blocks(self):
        self.succeed(BOOKS, self.folder / "owl", "--blocks", "3-5", "--allocation", "owl",
                     "--calibration", BOOKS / "calibration.npy", "--nsamples", "4",
                     "--seqlen", "32", ranks=2)
        start(["analyze", "--model", BOOKS, "--output", self.folder / "part", "--blocks", "7"])
        self.succeed(BOOKS, self.folder / "cached", "--blocks", "7",
                     "--metric-cache", self.folder / "part" / "metrics" / "alpha_peak.npy")
        self.assertEqual(len(self.report(self.folder / "cached")["matrices"]), 7)

    def test_blocks_that_are_not_there(self):
        done = start(["analyze", "--model", BOOKS, "--output", self.folder / "o",
                      "--blocks", "7-8"], 3)
        self.assertEqual(done.returncode, 2)
        self.assertIn("0 to 7", done.stderr)
        self.assertFalse((self.folder / "o").exists())


class Names(ProgramTest):
    def cached(self):
        """A cache as huggingface_hub makes it: snapshots are links to blobs."""
        cache = self.folder / "hub"
        model = cache / "models--some--tiny"
        (model / "refs").mkdir(parents=True)
        (model / "refs" / "main").write_text("0123abcd")
        (model / "blobs").mkdir()
        snapshot = model / "snapshots" / "0123abcd"
        snapshot.mkdir(parents=True)
        for number, file in enumerate(sorted((TINY / "tiny-mistral").iterdir())):
            shutil.copy(file, model / "blobs" / str(number))
            (snapshot / file.name).symlink_to(f"../../blobs/{number}")
        return cache

    def test_a_cache_of_hugging_face(self):
        output = self.folder / "out"
        self.succeed("some/tiny", output, "--allocation", "uniform", "--format", "safetensors",
                     ranks=2, environment={"HF_HUB_CACHE": str(self.cached())})
        self.assertEqual(self.report(output)["model"]["name"], "tiny")
        self.assertEqual(json.loads((output / "hf" / "config.json").read_text()),
                         json.loads((TINY / "tiny-mistral" / "config.json").read_text()))

    def test_the_root_by_option_and_by_environment(self):
        root = self.folder / "models"
        shutil.copytree(TINY / "tiny-mistral", root / "7b")
        for more, environment in ((("--model-root", root), {}),
                                  ((), {"ALPHAPRUNE_MODEL_ROOT": str(root)})):
            output = self.folder / f"out{len(more)}"
            self.succeed("7b", output, "--allocation", "uniform", *more, environment=environment)
            self.assertEqual(self.report(output)["model"]["name"], "7b")
        done = start(["export", "--model", "7b", "--model-root", root, "--output", root / "7b",
                      "--overwrite"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("model's own folder", done.stderr)
        self.assertTrue((root / "7b" / "model.safetensors").exists())

    def test_the_error_lists_the_places(self):
        done = self.run_model("llama2-7b", self.folder / "out", "--model-root", self.folder,
                              ranks=2, environment={"HF_HUB_CACHE": str(self.folder / "cache"),
                                                    "HF_HOME": str(self.folder / "home")})
        self.assertEqual(done.returncode, 2)
        for place in ("llama2-7b", "Llama-2-7b-hf", "cache/models--meta-llama--Llama-2-7b-hf",
                      "home/hub/models--meta-llama--Llama-2-7b-hf"):
            self.assertIn(str(self.folder / place), done.stderr)
        self.assertIn("--synthetic", done.stderr)


if __name__ == "__main__":
    unittest.main()
