"""alpha_peak_farms of the whole program against numpy."""
import sys
import unittest

import numpy as np

from harness import BOOKS, ROOT, TINY, ProgramTest, start

sys.path.insert(0, str(ROOT / "tests" / "oracle"))
from farms import alpha_peak, pool  # noqa: E402
from model_folder import read_model  # noqa: E402


class Farms(ProgramTest):
    def analyze(self, model, *more, ranks=2):
        output = self.folder / f"out{ranks}{len(more)}"
        done = start(["analyze", "--model", model, "--output", output,
                      "--metric", "alpha_peak_farms", *more], ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        return output

    def alphas(self, output):
        return np.load(output / "metrics" / "alpha_peak_farms.npy")

    def expect_numpy(self, model, aspect, output, some):
        """On every `some`-th matrix: numpy takes long."""
        report = self.report(output)
        tensors = read_model(model)
        alphas = self.alphas(output)
        for index in range(0, len(alphas), some):
            name = report["matrices"][index]["name"]
            expected = alpha_peak(pool(tensors[name].values(), aspect))
            np.testing.assert_allclose(alphas[index], expected, rtol=1e-7, err_msg=name)
            if np.isfinite(expected):
                self.assertEqual(report["matrices"][index]["metrics"]["alpha_peak_farms"],
                                 alphas[index])

    def test_books(self):
        output = self.analyze(BOOKS)
        self.expect_numpy(BOOKS, 1.0, output, 5)
        report = self.report(output)
        self.assertEqual(report["shown_metric"], "alpha_peak_farms")
        self.assertEqual(report["farms"]["aspect"], 1)
        self.assertIn("farms", report["run"]["phases"])

    def test_windows_half_as_wide(self):
        output = self.analyze(BOOKS, "--farms-aspect", "0.5")
        self.expect_numpy(BOOKS, 0.5, output, 9)

    def test_other_families(self):
        for name in ("tiny-opt", "tiny-qwen2"):
            with self.subTest(model=name):
                self.expect_numpy(TINY / name, 1.0, self.analyze(TINY / name, "--overwrite"), 3)

    def test_any_number_of_ranks_writes_the_same_bytes(self):
        bytes_of = [(self.analyze(BOOKS, "--blocks", "0-1", ranks=ranks) / "metrics" /
                     "alpha_peak_farms.npy").read_bytes() for ranks in (1, 2, 3, 5)]
        self.assertEqual(len(set(bytes_of)), 1)

    def test_a_run_follows_it_and_verify_accepts(self):
        output = self.folder / "run"
        done = self.succeed(BOOKS, output, "--metric", "alpha_peak_farms", "--epsilon", "0.2",
                            ranks=2)
        self.assertIn("mean alpha_peak_farms", done.stdout)
        report = self.report(output)
        self.assertEqual(report["allocation"]["metric"], "alpha_peak_farms")
        block = np.array([m["block"] for m in report["matrices"]])
        size = np.array([m["rows"] * m["cols"] for m in report["matrices"]], dtype=float)
        mean = np.array([self.alphas(output)[block == b].mean() for b in block])
        r = (mean - mean.min()) / (mean.max() - mean.min()) * 0.4 + 0.8
        np.testing.assert_allclose([m["sparsity_ratio"] for m in report["matrices"]],
                                   0.7 * size.sum() / (size * r).sum() * r, atol=1e-9)
        self.assertEqual(start(["verify", output]).returncode, 0)
        again = self.folder / "again"
        self.succeed(BOOKS, again, "--metric", "alpha_peak_farms", "--epsilon", "0.2",
                     "--metric-cache", output / "metrics" / "alpha_peak_farms.npy")
        self.assertEqual([m["sparsity_ratio"] for m in self.report(again)["matrices"]],
                         [m["sparsity_ratio"] for m in report["matrices"]])
        self.assertNotIn("farms", self.report(again)["run"]["phases"])

    def test_other_metrics_look_at_no_windows(self):
        output = self.folder / "out"
        self.assertEqual(start(["analyze", "--model", BOOKS, "--output", output]).returncode, 0)
        self.assertFalse((output / "metrics" / "alpha_peak_farms.npy").exists())
        self.assertIsNone(self.report(output)["farms"])
        self.assertNotIn("farms", self.report(output)["run"]["phases"])


if __name__ == "__main__":
    unittest.main()
