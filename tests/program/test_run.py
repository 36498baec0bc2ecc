"""The main job on the embedded model against the published code's figures."""
import json
import os
import subprocess
import unittest

import numpy as np

from harness import BOOKS, PROGRAM, REFERENCE, ProgramTest, start

REFERENCE_RUN = json.loads((REFERENCE / "books-7m-reference.json").read_text())


def reference_zeros(allocation, sparsity):
    for entry in REFERENCE_RUN["perplexity"]:
        if (entry["method"], entry.get("allocation"), entry.get("epsilon")) == (
                "magnitude", allocation, 0 if allocation == "uniform" else 0.3):
            if entry["sparsity"] == sparsity:
                return entry["zeros"]
    raise LookupError(allocation)


def block_wise_ratios(metric, matrices, sparsity, epsilon):
    """The allocation of the paper in a few lines of numpy; no bound is hit here."""
    block = np.array([m["block"] for m in matrices])
    size = np.array([m["rows"] * m["cols"] for m in matrices], dtype=float)
    mean = np.array([np.mean(np.asarray(metric)[block == b]) for b in block])
    r = (mean - mean.min()) / (mean.max() - mean.min()) * 2 * epsilon + 1 - epsilon
    return sparsity * size.sum() / (size * r).sum() * r


class MainJob(ProgramTest):
    def test_metrics_ratios_and_zeros_of_the_published_code(self):
        output = self.folder / "out"
        self.succeed(BOOKS, output, "--metric", "alpha_mid", "--ties", "inclusive", ranks=2)
        report = self.report(output)
        self.assertEqual([m["name"] for m in report["matrices"]], REFERENCE_RUN["matrices"])
        for metric, tolerance in (("alpha_mid", 1e-5), ("alpha_peak", 1e-4),
                                  ("spectral_norm", 1e-5), ("frobenius_sq", 1e-5)):
            ours = [m["metrics"][metric] for m in report["matrices"]]
            np.testing.assert_allclose(ours, REFERENCE_RUN["metrics"][metric], rtol=tolerance,
                                       err_msg=metric)
        self.assertEqual([m["zeros"] for m in report["matrices"]],
                         reference_zeros("alpha_mid", 0.7))
        np.testing.assert_allclose([m["sparsity_ratio"] for m in report["matrices"]],
                                   block_wise_ratios(REFERENCE_RUN["metrics"]["alpha_mid_f64"],
                                                     report["matrices"], 0.7, 0.3), atol=1e-9)

    def test_ratios_of_the_published_code_from_its_metrics(self):
        names = {"alpha_free": "alpha_ks"}  # the published code's word for it
        for entry in REFERENCE_RUN["ratios"]:
            if max(entry["ratios"]) > 0.99:
                continue  # the published code does not bound ratios, this program does
            cache = self.folder / "cache.npy"
            np.save(cache, np.array(REFERENCE_RUN["metrics"][entry["metric"]]))
            output = self.folder / "out"
            self.succeed(BOOKS, output, "--overwrite",
                         "--metric", names.get(entry["metric"], entry["metric"]),
                         "--metric-cache", cache, "--epsilon", entry["epsilon"],
                         "--sparsity-ratio", entry["sparsity"],
                         "--mapping-type", entry["mapping"])
            np.testing.assert_allclose(
                [m["sparsity_ratio"] for m in self.report(output)["matrices"]], entry["ratios"],
                atol=1e-6)

    def test_exact_ties_meet_the_count(self):
        output = self.folder / "out"
        self.succeed(BOOKS, output, "--metric", "alpha_mid", ranks=2)
        for matrix in self.report(output)["matrices"]:
            size = matrix["rows"] * matrix["cols"]
            self.assertEqual(matrix["zeros"], int(size * matrix["sparsity_ratio"]), matrix["name"])

    def test_uniform_zeros_of_the_published_code(self):
        for sparsity in (0.5, 0.6, 0.7, 0.8):
            output = self.folder / f"out{sparsity}"
            self.succeed(BOOKS, output, "--allocation", "uniform", "--ties", "inclusive",
                         "--sparsity-ratio", sparsity)
            self.assertEqual([m["zeros"] for m in self.report(output)["matrices"]],
                             reference_zeros("uniform", sparsity))

    def test_what_a_run_leaves_and_verify_accepts(self):
        output = self.folder / "out"
        done = self.succeed(BOOKS, output, "--metric", "alpha_mid", ranks=3)
        for name in ("report.json", "report.html", "matrices.csv", "checkpoint.h5", "run.log",
                     "metrics/alpha_mid.npy", "metrics/alpha_peak.npy"):
            self.assertTrue((output / name).is_file(), name)
        self.assertEqual(list(output.rglob("*.partial")), [])
        self.assertIn("block", done.stdout)
        for ranks in (1, 3):
            verified = start(["verify", output], ranks)
            self.assertEqual(verified.returncode, 0, verified.stderr)
            self.assertIn("verified", verified.stdout)

    def test_metric_cache_gives_the_same_checkpoint_without_spectra(self):
        first, second = self.folder / "first", self.folder / "second"
        self.succeed(BOOKS, first, "--metric", "alpha_mid")
        self.succeed(BOOKS, second, "--metric", "alpha_mid",
                     "--metric-cache", first / "metrics" / "alpha_mid.npy", ranks=2)
        ratios = [[m["sparsity_ratio"] for m in self.report(o)["matrices"]]
                  for o in (first, second)]
        self.assertEqual(*ratios)
        self.assertEqual(*[[m["zeros"] for m in self.report(o)["matrices"]]
                           for o in (first, second)])
        self.assertNotIn("spectrum", self.report(second)["run"]["phases"])

    def test_ratios_from_a_file(self):
        first = self.folder / "first"
        self.succeed(BOOKS, first, "--metric", "alpha_mid")
        rng = np.random.default_rng(3)
        ratios = rng.uniform(0.2, 0.8, 56)
        np.save(self.folder / "ratios.npy", ratios)
        (self.folder / "ratios.csv").write_text("\n".join(map(str, ratios)) + "\n")
        for name in ("ratios.npy", "ratios.csv"):
            output = self.folder / f"by-{name}"
            self.succeed(BOOKS, output, "--allocation", f"file:{self.folder / name}")
            ours = [m["sparsity_ratio"] for m in self.report(output)["matrices"]]
            np.testing.assert_array_equal(ours, ratios)
        output = self.folder / "by-matrices"
        self.succeed(BOOKS, output, "--allocation", f"file:{first / 'matrices.csv'}")
        self.assertEqual([m["zeros"] for m in self.report(output)["matrices"]],
                         [m["zeros"] for m in self.report(first)["matrices"]])

    def test_analyze_changes_nothing(self):
        output = self.folder / "out"
        done = start(["analyze", "--model", BOOKS, "--output", output], 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((output / "checkpoint.h5").exists())
        self.assertEqual(len(np.load(output / "metrics" / "alpha_peak.npy")), 56)

    def test_help_and_version(self):
        for words in (["--help"], ["help"], ["--version"]):
            done = start(words)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("alphaprune_mpi", done.stdout)

    def test_standard_streams_that_lead_nowhere(self):
        run = ["run", "--model", BOOKS, "--output", self.folder / "out", "--overwrite"]
        for words in (["help"], run):  # the reader has gone
            reader, writer = os.pipe()
            os.close(reader)
            with open(writer, "wb") as nowhere:
                done = self.print_to(nowhere, words)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("error", done.stderr)
        for words in (["help"], run):  # the disk is full
            with open("/dev/full", "wb") as full:
                done = self.print_to(full, words)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("error: writing to standard output failed: No space left", done.stderr)
            self.assertEqual(done.stderr.count("error:"), 1, done.stderr)
        for streams in (">&-", ">&- 2>&-", "<&- >&- 2>&-"):
            done = subprocess.run(["sh", "-c", f'"$@" {streams}', "sh", PROGRAM, *map(str, run)],
                                  timeout=100, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, f"{streams}: {done.stderr}")
            verified = start(["verify", self.folder / "out"])
            self.assertEqual(verified.returncode, 0, verified.stderr)

    def print_to(self, file, words):
        return subprocess.run([PROGRAM, *map(str, words)], stdout=file, stderr=subprocess.PIPE,
                              text=True, timeout=100, check=False)


if __name__ == "__main__":
    unittest.main()
