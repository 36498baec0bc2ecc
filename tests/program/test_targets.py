"""ALPS, ADMM, targets from the dense model, recipes and the search for ratios: the whole program."""
import unittest

import numpy as np

from harness import BOOKS, TINY, start
from test_calibrated import FIXED_CLOCK, CalibratedTest

TARGETS = ("--dense-target", 0.5, "--residual-target", 0.5, "--site-order", "sequential")


class TargetsTest(CalibratedTest):
    def run_tiny(self, output, *options, ranks=2, model="tiny-llama3"):
        """On a tiny model and random tokens, more of them than inputs."""
        tokens = self.folder / "random.npy"
        np.save(tokens, np.random.default_rng(1).integers(0, 512, (8, 128), dtype=np.int32))
        output = self.folder / output
        self.succeed(TINY / model, output, "--calibration", tokens, "--nsamples", 8, *options,
                     ranks=ranks, environment=FIXED_CLOCK)
        return output

    def refused(self, *options):
        done = start(["--model", BOOKS, "--output", self.folder / "refused", *options])
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertFalse((self.folder / "refused").exists())
        return done.stderr


class Alps(TargetsTest):
    def test_ranks_do_not_matter(self):
        for model, method in (("tiny-llama3", "alps"), ("tiny-opt", "alps"), ("tiny-qwen2", "admm"),
                              ("tiny-mistral", "wanda"), ("tiny-llama3", "sparsegpt"),
                              ("tiny-opt", "sparsegpt")):
            first, *others = (
                (self.run_tiny(f"{model}-{method}{ranks}", "--prune-method", method, *TARGETS,
                               "--allocation", "uniform", "--sparsity-ratio", 0.6, ranks=ranks,
                               model=model) / "checkpoint.h5").read_bytes()
                for ranks in (1, 3, 4))
            for other in others:
                self.assertEqual(first == other, True, (model, method))

    def test_the_report_says_how_matrices_were_fitted(self):
        report = self.report(self.run_tiny("out", "--prune-method", "alps", *TARGETS,
                                           "--allocation", "uniform", "--damping", 0.02))
        self.assertEqual(report["targets"], {"dense_target": 0.5, "residual_target": 0.5,
                                             "site_order": "sequential", "damping": 0.02})
        for matrix in report["matrices"]:
            self.assertEqual(matrix["zeros"], int(matrix["rows"] * matrix["cols"] * 0.7))
            self.assertTrue(3 <= matrix["iterations"] <= 300, matrix)
            self.assertTrue(0 < matrix["relative_error"] < 1, matrix)

    def test_patterns(self):
        for method in ("alps", "admm"):
            output = self.run_tiny(method, "--prune-method", method, "--sparsity-type", "2:4",
                                   "--format", "safetensors", ranks=3)
            for name, kept in self.masks(output).items():
                groups = kept.reshape(kept.shape[0], -1, 4).sum(axis=2)
                self.assertTrue((groups <= 2).all(), name)


class Targets(TargetsTest):
    def test_none_of_them_is_the_published_problem_to_the_bit(self):
        for method in ("wanda", "sparsegpt"):
            plain = self.run_tiny(method, "--prune-method", method)
            zero = self.run_tiny(method + "0", "--prune-method", method, "--dense-target", 0,
                                 "--residual-target", 0, "--site-order", "together")
            self.assertEqual((plain / "checkpoint.h5").read_bytes(),
                             (zero / "checkpoint.h5").read_bytes(), method)

    def test_they_help(self):
        """Magnitude pruning, which knows nothing of activations by itself."""
        evaluation = ("--allocation", "uniform", "--eval", BOOKS / "eval_short.npy")
        values = []
        for name, options in (("plain", ()),
                              ("fitted", ("--calibration", BOOKS / "calibration.npy",
                                          "--nsamples", 8, *TARGETS))):
            self.succeed(BOOKS, self.folder / name, *evaluation, *options, ranks=2)
            values.append(self.report(self.folder / name)["perplexity"][0]["pruned"])
        self.assertLess(values[1], 0.8 * values[0])

    def test_what_makes_no_sense_is_refused(self):
        calibrated = ("--calibration", BOOKS / "calibration.npy")
        alps = ("--prune-method", "alps", *calibrated)
        for options, expected in (
                ((*alps, "--dense-target", 1.5), "--dense-target 1.5 is not in [0, 1]"),
                ((*alps, "--residual-target", -0.1), "--residual-target -0.1 is not in [0, 1]"),
                ((*alps, "--damping", 0), "--damping 0 is not in (0, 1]"),
                (("--dense-target", 0.5), "--calibration is missing"),
                (("--prune-method", "wanda", *calibrated, "--damping", 0.1),
                 "--damping has no effect"),
                ((*alps, "--allocation", "search", "--nsamples", 3),
                 "a search needs 4 calibration sequences"),
                (("--recipe", "beste", *calibrated), "--recipe cannot be 'beste'")):
            self.assertIn(expected, self.refused(*options))


class Recipes(TargetsTest):
    def test_they_set_what_is_not_given(self):
        output = self.run_tiny("out", "--recipe", "best", "--dense-target", 0.25)
        report = self.report(output)
        self.assertEqual(report["prune_method"], "alps")
        self.assertEqual(report["allocation"]["name"], "uniform")
        self.assertEqual(report["targets"]["dense_target"], 0.25)
        self.assertEqual(report["targets"]["site_order"], "sequential")


class Search(TargetsTest):
    def test_candidates_are_reported_and_the_best_is_taken(self):
        output = self.run_tiny("out", "--prune-method", "wanda", "--allocation", "search",
                               "--search-evaluations", 6, ranks=3)
        report = self.report(output)
        search = report["search"]
        self.assertEqual(len(search), 6)
        self.assertEqual([step["change"] for step in search[:2]], ["uniform", "alphapruning"])
        best = np.inf
        for step in search:
            self.assertEqual(step["better"], step["perplexity"] < best)
            best = min(best, step["perplexity"])
        weights = [m["rows"] * m["cols"] for m in report["matrices"]]
        ratios = [m["sparsity_ratio"] for m in report["matrices"]]
        self.assertAlmostEqual(np.average(ratios, weights=weights), 0.7, places=9)


if __name__ == "__main__":
    unittest.main()
