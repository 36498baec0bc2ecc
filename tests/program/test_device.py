"""--device: cards that are there are used, cards that fail are done without, one program for all nodes.

The card is made up (tests/device/fake_card.cpp): it computes on the processor, and fails when told to.
With ALPHAPRUNE_TEST_CARD=true in the environment the true one of this machine is used, where there is one.
"""
import os
import pathlib
import re
import signal
import struct
import subprocess
import time
import unittest

import numpy as np

from harness import BOOKS, MPIEXEC, PROGRAM, ProgramTest, processes_with, start, tensors_of

BUILD = pathlib.Path(PROGRAM).parent
TRUE_CARD = os.environ.get("ALPHAPRUNE_TEST_CARD") == "true"
MODULE = BUILD / ("alphaprune_cuda.so" if TRUE_CARD else "fake_card.so")
CARD = {"LIBALPHAPRUNE_CUDA": str(MODULE)}
NO_CARD = {"LIBALPHAPRUNE_CUDA": str(BUILD / "no-such-module.so")}
BLOCKS = ("--blocks", "0-1")
MATRICES = 14


class DeviceTest(ProgramTest):
    blocks = BLOCKS

    def analyze(self, name, environment, *options, ranks=1, status=0):
        output = self.folder / name
        done = start(["analyze", "--model", BOOKS, *self.blocks, "--output", output, *options], ranks,
                     environment)
        self.assertEqual(done.returncode, status, done.stderr)
        return output, done

    def solvers(self, output):
        return [matrix["solver"] for matrix in self.report(output)["matrices"]]

    def assert_same_metrics(self, one, other):
        """Cards and processors add in another order; metrics are rounded to ten digits."""
        for metric in ("alpha_mid", "alpha_peak", "stable_rank"):
            a, b = (np.load(folder / "metrics" / f"{metric}.npy") for folder in (one, other))
            np.testing.assert_allclose(a, b, rtol=2e-9)


class Cards(DeviceTest):
    def test_a_card_computes_all_spectra_and_gives_the_metrics_of_the_processor(self):
        card, done = self.analyze("card", CARD)
        self.assertIn("spectra on 1 x ", done.stderr)
        self.assertEqual(self.solvers(card), ["cuda"] * MATRICES)
        processor, _ = self.analyze("processor", CARD, "--device", "none")
        self.assertNotIn("cuda", self.solvers(processor))
        self.assert_same_metrics(card, processor)

    def test_weights_that_are_made_are_made_alike(self):
        made = []
        for name, device in (("card", "cuda"), ("processor", "none")):
            output = self.folder / name
            done = start(["analyze", "--model", BOOKS, "--synthetic", *BLOCKS, "--device", device,
                          "--output", output], 1, CARD)
            self.assertEqual(done.returncode, 0, done.stderr)
            made.append(output)
        self.assertEqual(set(self.solvers(made[0])), {"cuda"})
        self.assert_same_metrics(*made)

    def test_ranks_without_a_card_rest_where_others_have_one(self):
        output, _ = self.analyze("three", CARD, ranks=3)
        self.assertEqual(self.solvers(output), ["cuda"] * MATRICES)

    def test_a_solver_that_is_asked_for_is_one_of_the_processor(self):
        output, _ = self.analyze("out", CARD, "--solver", "two_stage")
        self.assertEqual(set(self.solvers(output)), {"two_stage"})
        _, done = self.analyze("refused", CARD, "--solver", "two_stage", "--device", "cuda", status=2)
        self.assertIn("--device", done.stderr)


class Calibrated(DeviceTest):
    """Pruners with Hessians, which cards add up where each rank has one."""

    def pruned(self, method, device):
        """@return  where the weights of block 0 are not zero, and the perplexity with them."""
        tokens = self.folder / "tokens.npy"
        np.save(tokens, np.load(BOOKS / "eval_short.npy")[:4 * 128])
        output = self.folder / f"{method}-{device}"
        ranks = 1 if TRUE_CARD else 2
        done = self.succeed(
            BOOKS, output, "--blocks", 0, "--prune-method", method, "--allocation", "uniform",
            "--sparsity-ratio", 0.6, "--calibration", BOOKS / "calibration.npy", "--nsamples", 8,
            "--seqlen", 128, "--eval", tokens, "--format", "safetensors", "--device", device,
            ranks=ranks, environment=CARD | {"FAKE_CARDS": str(ranks)})
        kept = []
        for name, (dtype, _, data) in tensors_of(output / "hf").items():
            if ".layers.0." in name and name.endswith("_proj.weight"):
                bits = np.frombuffer(data, "<u2" if dtype in ("BF16", "F16") else "<u4")
                kept.append(bits << 1 != 0)
        return np.concatenate(kept), float(re.search(r"dense, ([\d.]+) pruned", done.stdout)[1])

    def compare(self, method, agreement):
        (here, perplexity), (there, expected) = (self.pruned(method, device)
                                                 for device in ("cuda", "none"))
        self.assertEqual(len(here), 737280)
        self.assertGreaterEqual((here == there).mean(), agreement)
        self.assertAlmostEqual(perplexity, expected, delta=0.02 * expected)

    def test_sparsegpt_prunes_as_on_the_processor(self):
        self.compare("sparsegpt", 0.998)

    def test_alps_prunes_as_well_as_on_the_processor(self):
        """Which weights it takes depends on the last bits: processors in bf16x2 differ as much."""
        self.compare("alps", 0.98)


@unittest.skipIf(TRUE_CARD, "a true card does not fail on demand")
class MadeUpCards(DeviceTest):
    def test_two_cards_are_used_by_two_ranks(self):
        output, done = self.analyze("two", CARD | {"FAKE_CARDS": "2"}, ranks=3)
        self.assertIn("spectra on 2 x made-up card", done.stderr)
        self.assertEqual(self.solvers(output), ["cuda"] * MATRICES)

    def test_what_a_card_cannot_do_the_processor_does_and_the_report_says_so(self):
        plain, _ = self.analyze("plain", NO_CARD)
        for fault in ("FULL", "WRONG", "INFO"):
            output, done = self.analyze(fault, CARD | {f"FAKE_CARD_{fault}": "5"})
            solvers = self.solvers(output)
            self.assertEqual(solvers.count("cuda"), MATRICES - 1, fault)
            self.assertEqual(done.stderr.count("solver cuda failed"), 1, done.stderr)
            self.assertIn("solver cuda failed", " ".join(self.report(output)["notes"]))
            self.assert_same_metrics(plain, output)

    def test_a_lost_card_ends_no_run(self):
        output, done = self.analyze("lost", CARD | {"FAKE_CARD_LOST": "5"})
        solvers = self.solvers(output)
        self.assertLess(solvers.count("cuda"), MATRICES - 1)
        self.assertIn("solver cuda failed", done.stderr)
        plain, _ = self.analyze("plain", NO_CARD)
        self.assert_same_metrics(plain, output)


@unittest.skipIf(TRUE_CARD, "a true card cannot be slowed down")
class Interrupted(DeviceTest):
    """In the middle of the spectra: each is in the journal once it is known."""
    blocks = ("--blocks", "0-3")
    matrices = 28

    def spectra_in(self, output):
        """How many the journal holds: behind a head of 16 bytes, kind and size, payload, checksum of
        each record."""
        count = 0
        for file in (output / "journal").glob("records-*"):
            raw = file.read_bytes()
            place = 16
            while place + 16 <= len(raw):
                kind, size = struct.unpack_from("<QQ", raw, place)
                place += 24 + size
                count += kind == 1 and place <= len(raw)
        return count

    def interrupted(self, name, signal_number, ranks):
        """@return  the output, the exit status, and how many spectra are known there."""
        output = self.folder / name
        environment = CARD | {"FAKE_CARDS": str(ranks), "FAKE_CARD_SLOW": "200"}
        command = [MPIEXEC, "-n", str(ranks), PROGRAM, "analyze", "--model", BOOKS, *self.blocks,
                   "--device", "cuda", "--output", output]
        with subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL) as running:
            while running.poll() is None and self.spectra_in(output) < 8:
                time.sleep(0.005)
            if signal_number == signal.SIGKILL:
                for process in processes_with(output):
                    os.kill(process, signal_number)
            running.send_signal(signal_number)
            status = running.wait(60)
        return output, status, self.spectra_in(output)

    def test_what_a_card_has_computed_is_not_computed_again(self):
        whole, _ = self.analyze("whole", CARD, "--device", "cuda")
        for name, number, ranks in (("killed", signal.SIGKILL, 1), ("stopped", signal.SIGUSR1, 2)):
            output, status, known = self.interrupted(name, number, ranks)
            if number == signal.SIGUSR1:
                self.assertEqual(status, 75)
            self.assertTrue(8 <= known < self.matrices, known)
            # The solver would fail on one more matrix than are left.
            _, done = self.analyze(
                name, CARD | {"FAKE_CARD_INFO": str(self.matrices - known + 1)}, "--device", "cuda",
                "--resume")
            self.assertIn(f"{known} of {self.matrices} spectra", done.stderr)
            self.assertNotIn("solver cuda failed", done.stderr)
            self.assertEqual(self.solvers(output), ["cuda"] * self.matrices)
            for file in sorted((whole / "metrics").iterdir()):
                self.assertEqual((output / "metrics" / file.name).read_bytes(), file.read_bytes())
            self.assertEqual([matrix["metrics"] for matrix in self.report(output)["matrices"]],
                             [matrix["metrics"] for matrix in self.report(whole)["matrices"]])

    def test_the_last_matrix_that_is_left_is_computed_by_the_card(self):
        output, _, known = self.interrupted("killed", signal.SIGKILL, 1)
        _, done = self.analyze("killed", CARD | {"FAKE_CARD_INFO": str(self.matrices - known)},
                               "--device", "cuda", "--resume")
        self.assertEqual(done.stderr.count("solver cuda failed"), 1, done.stderr)
        self.assertEqual(self.solvers(output).count("cuda"), self.matrices - 1)


class NoCards(DeviceTest):
    def test_auto_does_without_and_cuda_is_refused_with_the_reason(self):
        output, done = self.analyze("auto", NO_CARD)
        self.assertNotIn("spectra on", done.stderr)
        self.assertNotIn("cuda", self.solvers(output))
        for environment, reason in ((NO_CARD, "there is no "), (CARD | {"FAKE_CARDS": "0"}, "no card")):
            if environment is not NO_CARD and TRUE_CARD:
                continue
            output, done = self.analyze("cuda", environment, "--device", "cuda", ranks=2, status=2)
            self.assertIn(reason, done.stderr)
            self.assertEqual(done.stderr.count("error:"), 1, done.stderr)

    def test_a_file_that_is_no_module_is_no_card(self):
        module = self.folder / "module.so"
        module.write_text("not a shared library")
        self.analyze("auto", {"LIBALPHAPRUNE_CUDA": str(module)})


if __name__ == "__main__":
    unittest.main()
