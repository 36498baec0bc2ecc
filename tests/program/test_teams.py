"""Ranks and threads that share sequences, and --forward-precision, through the whole program."""
import os
import re
import unittest

from harness import BOOKS, ProgramTest, is_built_with, start

FIXED_CLOCK = {"SOURCE_DATE_EPOCH": "1700000000"}
UNBOUND = {"OMPI_MCA_hwloc_base_binding_policy": "none",
           "PRTE_MCA_hwloc_default_binding_policy": "none"}
CALIBRATED = ("--calibration", BOOKS / "calibration.npy", "--seqlen", 200, "--allocation",
              "uniform", "--sparsity-ratio", 0.6)
TWO_BLOCKS = ("--blocks", "0-1")
ALPS = ("--prune-method", "alps", "--nsamples", 1, "--blocks", 0, "--dense-target", 0.5,
        "--residual-target", 0.5, "--site-order", "sequential")


class TeamsTest(ProgramTest):
    def evaluate(self, tokens, *options, ranks=1):
        return start(["evaluate", "--model", BOOKS, "--eval", self.text_of(tokens), *options], ranks)


class Teams(TeamsTest):
    def prune(self, name, ranks, *options):
        output = self.folder / name
        self.succeed(BOOKS, output, *CALIBRATED, *options, ranks=ranks,
                     environment={**FIXED_CLOCK, **UNBOUND})
        return (output / "checkpoint.h5").read_bytes()

    def test_more_ranks_than_sequences(self):
        for method, sequences in (("wanda", 1), ("sparsegpt", 2)):
            with self.subTest(method=method, sequences=sequences):
                words = (*TWO_BLOCKS, "--prune-method", method, "--nsamples", sequences)
                alone = self.prune(method, 1, *words)
                team = self.prune(f"{method}-shared", 5, *words)
                self.assertEqual(team == alone, True)

    def test_so_do_threads(self):
        alone = self.prune("alone", 1, *ALPS, "--threads-per-rank", 1)
        self.assertEqual(self.prune("ranks", 3, *ALPS) == alone, True)
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("threads need two cores")
        threads = self.prune("threads", 1, *ALPS, "--threads-per-rank", 2)
        self.assertEqual(self.report(self.folder / "threads")["run"]["threads_per_rank"], 2)
        self.assertEqual(threads == alone, True)

    def test_perplexities_are_the_same(self):
        seen = {self.evaluate(3 * 300, "--seqlen", 300, ranks=ranks).stdout.splitlines()[-1]
                for ranks in (1, 5)}
        self.assertEqual(len(seen), 1, seen)
        self.assertIn("windows 3)", *seen)


class ForwardPrecision(TeamsTest):
    def perplexity(self, precision):
        done = self.evaluate(4 * 512, "--forward-precision", precision, ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        return float(re.search(r"perplexity (\S+) ", done.stdout)[1])

    def require_bf16(self):
        if not is_built_with("oneDNN") or \
                self.evaluate(64, "--seqlen", 64, "--forward-precision", "bf16").returncode != 0:
            self.skipTest("no oneDNN or no instructions for bfloat16 here")

    def test_one_that_is_not_possible_is_refused_before_anything_is_made(self):
        output = self.folder / "out"
        done = self.run_model(BOOKS, output, *CALIBRATED, "--prune-method", "wanda",
                              "--forward-precision", "bf16x2", ranks=2,
                              environment={"ONEDNN_MAX_CPU_ISA": "AVX2"})
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--forward-precision", done.stderr)
        self.assertFalse(output.exists())

    def test_it_has_an_effect_or_is_refused(self):
        done = start(["--model", BOOKS, "--output", self.folder / "out", "--prune-method", "magnitude",
                      "--forward-precision", "bf16"])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--forward-precision", done.stderr)

    def test_perplexities_are_as_near_as_it_says(self):
        self.require_bf16()
        values = {precision: self.perplexity(precision)
                  for precision in ("float32", "bf16x2", "bf16")}
        exact = values["float32"]
        self.assertLess(abs(values["bf16x2"] - exact), 1e-4 * exact)
        self.assertLess(abs(values["bf16"] - exact), 3e-3 * exact)

    def test_masks_are_as_near_as_it_says(self):
        self.require_bf16()
        found = {}
        for precision in ("float32", "bf16x2", "bf16"):
            for ranks in (1, 3) if precision == "bf16x2" else (1,):
                output = self.folder / f"{precision}{ranks}"
                self.succeed(BOOKS, output, *CALIBRATED, *TWO_BLOCKS, "--prune-method", "wanda",
                             "--nsamples", 4, "--forward-precision", precision, ranks=ranks,
                             environment=FIXED_CLOCK)
                self.assertEqual(self.report(output)["run"]["forward_precision"], precision)
                found[precision, ranks] = (output / "checkpoint.h5").read_bytes()
        self.assertEqual(found["bf16x2", 1] == found["bf16x2", 3], True)
        share = {precision: sum(a != b for a, b in zip(found["float32", 1], found[precision, 1])) /
                 len(found["float32", 1]) for precision in ("bf16x2", "bf16")}
        self.assertLess(share["bf16x2"], 2e-4)
        self.assertLess(share["bf16"], 2e-2)
        self.assertGreater(share["bf16"], 0)


if __name__ == "__main__":
    unittest.main()
