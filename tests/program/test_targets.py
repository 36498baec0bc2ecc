"""ALPS, ADMM, targets from the dense model, recipes and the search for ratios: the whole program."""
import os
import signal
import struct
import subprocess
import time
import unittest

import numpy as np

from harness import BOOKS, MPIEXEC, PROGRAM, TINY, processes_with, ranks_with, start
from test_calibrated import FIXED_CLOCK, CalibratedTest, tensors_of

TARGETS = ("--dense-target", 0.5, "--residual-target", 0.5, "--site-order", "sequential")


class TargetsTest(CalibratedTest):
    def run_tiny(self, output, *options, ranks=2, model="tiny-llama3"):
        """On a tiny model and random tokens, more of them than inputs."""
        tokens = self.folder / "random.npy"
        np.save(tokens, np.random.default_rng(1).integers(0, 512, (8, 128), dtype=np.int32))
        output = self.folder / output
        self.succeed(TINY / model, output, "--calibration", tokens, *options,
                     ranks=ranks, environment=FIXED_CLOCK)
        return output

    def refused(self, *options):
        done = start(["--model", BOOKS, "--output", self.folder / "refused", *options])
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertFalse((self.folder / "refused").exists())
        return done.stderr


class Alps(TargetsTest):
    def test_ranks_do_not_matter(self):
        for model, method, counts in (("tiny-llama3", "alps", (1, 3)), ("tiny-qwen2", "admm", (1, 3)),
                                      ("tiny-mistral", "wanda", (1, 4)),
                                      ("tiny-opt", "sparsegpt", (1, 4))):
            first, *others = (
                (self.run_tiny(f"{model}-{method}{ranks}", "--prune-method", method, *TARGETS,
                               "--allocation", "uniform", "--sparsity-ratio", 0.6, ranks=ranks,
                               model=model) / "checkpoint.h5").read_bytes()
                for ranks in counts)
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
        for method, counts, targets in (("alps", (3,), ()), ("admm", (3,), ()),
                                        ("sparsegpt", (3, 1), TARGETS)):
            first, *others = (self.run_tiny(f"{method}{ranks}", "--prune-method", method, *targets,
                                            "--sparsity-type", "2:4", "--format", "safetensors",
                                            ranks=ranks) for ranks in counts)
            for name, kept in self.masks(first).items():
                groups = kept.reshape(kept.shape[0], -1, 4).sum(axis=2)
                self.assertTrue((groups <= 2).all(), name)
            for other in others:
                self.assertTrue(tensors_of(first / "hf") == tensors_of(other / "hf"), method)

    def test_mixed_patterns(self):
        """Every group of a block loses N of its 8, and the sizes of these N meet the ratio."""
        for method in ("alps", "admm"):
            outputs = [self.run_tiny(f"{method}{ranks}", "--prune-method", method, "--sparsity-type",
                                     "mixed-N:8", "--sparsity-ratio", 0.6, "--metric", "alpha_mid",
                                     "--format", "safetensors", ranks=ranks) for ranks in (1, 3)]
            one, three = (tensors_of(output / "hf") for output in outputs)
            self.assertTrue(one == three, method)
            report = self.report(outputs[0])
            self.assertEqual(report["sparsity_type"], "mixed-N:8")
            masks = self.masks(outputs[0])
            removed_in = set()
            for matrix in report["matrices"]:
                removed = 8 - masks[matrix["name"]].reshape(matrix["rows"], -1, 8).sum(axis=2)
                self.assertEqual({removed.min() / 8, removed.max() / 8}, {matrix["sparsity_ratio"]},
                                 (method, matrix["name"]))
                removed_in.add(matrix["sparsity_ratio"])
            self.assertGreater(len(removed_in), 1)
            self.assertAlmostEqual(report["sparsity"], 0.6, delta=1 / 16 / report["model"]["blocks"])

    def test_too_little_text(self):
        """16 tokens for 64 inputs and more: numbers nevertheless, unless there is no damping."""
        tokens = self.folder / "few.npy"
        np.save(tokens, np.random.default_rng(2).integers(0, 512, (2, 8), dtype=np.int32))
        options = ("--calibration", tokens, "--prune-method", "alps", *TARGETS, "--eval", tokens)
        self.succeed(TINY / "tiny-llama3", self.folder / "out", *options, ranks=2)
        report = self.report(self.folder / "out")
        self.assertTrue(np.isfinite(report["perplexity"][0]["pruned"]))
        done = start(["verify", self.folder / "out"])  # which refuses NaN and infinities, too
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_model(TINY / "tiny-llama3", self.folder / "none", *options, "--damping", 1e-9,
                              ranks=2)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("is not positive definite", done.stderr)
        self.assertIn("or a larger --damping", done.stderr)
        self.assertFalse((self.folder / "none" / "checkpoint.h5").exists())


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
        evaluation = ("--allocation", "uniform", "--eval", self.text_of(8 * 128), "--seqlen", 128)
        values = []
        for name, options in (("plain", ()),
                              ("fitted", ("--calibration", BOOKS / "calibration.npy",
                                          "--nsamples", 16, *TARGETS))):
            self.succeed(BOOKS, self.folder / name, *evaluation, *options, ranks=2)
            values.append(self.report(self.folder / name)["perplexity"][0]["pruned"])
        self.assertLess(values[1], 0.8 * values[0])

    def test_what_makes_no_sense_is_refused(self):
        calibrated = ("--calibration", BOOKS / "calibration.npy")
        alps = ("--prune-method", "alps", *calibrated)
        for options, expected in (
                ((*alps, "--dense-target", 1.5), "--dense-target 1.5 is not in [0, 1]"),
                ((*alps, "--residual-target", -0.1), "--residual-target -0.1 is not in [0, 1]"),
                ((*alps, "--damping", 0), "--damping 0 is not in (0, 1], or auto"),
                (("--dense-target", 0.5), "--calibration is missing"),
                (("--prune-method", "wanda", *calibrated, "--damping", 0.1),
                 "--damping has no effect"),
                (("--prune-method", "admm", *calibrated, *TARGETS, "--damping", 0.1),
                 "choose --prune-method sparsegpt or alps"),
                ((*alps, "--allocation", "search", "--nsamples", 3),
                 "a search needs 4 calibration sequences"),
                (("--recipe", "beste", *calibrated), "--recipe cannot be 'beste'")):
            self.assertIn(expected, self.refused(*options))


class Recipes(TargetsTest):
    def test_what_they_leave_open_is_chosen_on_held_out_sequences(self):
        """On any number of ranks the same; a text of the second file is scored, too."""
        other = self.folder / "other.npy"
        np.save(other, np.random.default_rng(2).integers(0, 512, (4, 128), dtype=np.int32))
        first, second = (self.run_tiny(f"out{ranks}", "--recipe", "best", "--calibration", other,
                                       "--damping", 0.2, ranks=ranks) for ranks in (1, 3))
        self.assertEqual((first / "checkpoint.h5").read_bytes(),
                         (second / "checkpoint.h5").read_bytes())
        targets = self.report(first)["targets"]
        self.assertEqual(targets["tried"], self.report(second)["targets"]["tried"])
        self.assertEqual([trial["dense_target"] for trial in targets["tried"]], [0.25, 0.5, 0.75, 1])
        best = min(trial["perplexity"] for trial in targets["tried"])
        chosen = next(trial for trial in targets["tried"] if trial["perplexity"] <= 1.01 * best)
        for name in ("dense_target", "residual_target", "damping"):
            self.assertEqual(targets[name], chosen[name])
        self.assertEqual(targets["damping"], 0.2)

    def test_few_sequences_are_not_divided(self):
        output = self.run_tiny("out", "--recipe", "best", "--nsamples", 3)
        report = self.report(output)
        self.assertNotIn("tried", report["targets"])
        self.assertEqual(report["targets"]["dense_target"], 0.5)
        self.assertEqual(report["targets"]["damping"], 0.1)
        self.assertIn("were not tried", " ".join(report["notes"]))

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

    def test_a_candidate_is_scored_on_sequences_that_gave_no_statistics(self):
        """The last third: as a run on the others, evaluated on those, has it."""
        searched = self.report(self.run_tiny("searched", "--prune-method", "wanda", "--allocation",
                                             "search", "--search-evaluations", 1))
        tokens = np.load(self.folder / "random.npy")
        held_out = np.arange(len(tokens)) >= len(tokens) - len(tokens) // 3
        np.save(self.folder / "observed.npy", tokens[~held_out])
        np.save(self.folder / "scored.npy", tokens[held_out])
        self.succeed(TINY / "tiny-llama3", self.folder / "plain", "--prune-method", "wanda",
                     "--allocation", "uniform", "--calibration", self.folder / "observed.npy",
                     "--eval", self.folder / "scored.npy", ranks=2)
        plain = self.report(self.folder / "plain")["perplexity"][0]["pruned"]
        self.assertAlmostEqual(searched["search"][0]["perplexity"] / plain, 1, places=6)

    def trials_in(self, record_files):
        """Numbers of the candidates whose losses these files of a journal hold, in order: behind a
        head of 16 bytes, kind and size, payload, checksum of each record."""
        numbers = []
        for file in record_files:
            raw = file.read_bytes()
            place = 16
            while place + 16 <= len(raw):
                kind, size = struct.unpack_from("<QQ", raw, place)
                if place + 24 + size > len(raw):
                    break  # it is being written
                if kind == 9:
                    numbers += struct.unpack_from("<i", raw, place + 16)
                place += 24 + size
        return numbers

    def journaled_while_one_rank_rests(self, output):
        """Waits until one of two ranks has finished its candidate, and the other, which was stopped,
        has not: whole rounds would leave an even number of records."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            last = ranks_with(output)[1:2]
            log = output / "run.log"
            if not last or not log.exists() or "search: " not in log.read_text():
                time.sleep(0.01)
                continue
            os.kill(last[0], signal.SIGSTOP)
            for _ in range(10):
                records = sorted((output / "journal").glob("records-*"))
                if len(self.trials_in(records)) % 2 == 1:
                    return records
                time.sleep(0.1)
            os.kill(last[0], signal.SIGCONT)
            time.sleep(0.03)
        return []

    def test_what_was_tried_before_a_kill_is_not_tried_again(self):
        evaluations = 5
        words = ["--model", BOOKS, "--prune-method", "wanda", "--allocation", "search",
                 "--search-evaluations", evaluations, "--calibration", BOOKS / "calibration.npy",
                 "--nsamples", 8, "--seqlen", 128]
        expected = self.folder / "whole"
        done = start([*words, "--output", expected], 2, FIXED_CLOCK)
        self.assertEqual(done.returncode, 0, done.stderr)

        output = self.folder / "killed"
        with subprocess.Popen([MPIEXEC, "-n", "2", PROGRAM, *map(str, words), "--output", output],
                              stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              env={**os.environ, **FIXED_CLOCK}) as running:
            records = self.journaled_while_one_rank_rests(output)
            for process in [*processes_with(output), running.pid]:
                os.kill(process, signal.SIGKILL)
        self.assertTrue(records, "a candidate is in the journal before all beside it have ended")
        first = self.trials_in(records)
        self.assertLess(len(first), evaluations)

        # The journal vanishes at the end: what it held stays under other names.
        kept = self.folder / "kept"
        kept.mkdir()
        with subprocess.Popen([MPIEXEC, "-n", "2", PROGRAM, *map(str, words), "--output", output,
                               "--resume"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              text=True, env={**os.environ, **FIXED_CLOCK}) as running:
            while running.poll() is None:
                for file in (output / "journal").glob("records-*"):
                    try:
                        os.link(file, kept / file.name)
                    except (FileExistsError, FileNotFoundError):
                        pass
                time.sleep(0.005)
            self.assertEqual(running.returncode, 0, running.stderr.read())
        tried = self.trials_in(kept.iterdir())
        self.assertEqual(sorted(tried), list(range(evaluations)))
        self.assertEqual(self.report(output)["search"], self.report(expected)["search"])
        self.assertEqual((output / "checkpoint.h5").read_bytes() ==
                         (expected / "checkpoint.h5").read_bytes(), True)


if __name__ == "__main__":
    unittest.main()
