"""Pruning and perplexities on cards: the results of the processor, the same on any number of cards.

The card is made up (tests/device/fake_card.cpp) and computes on the processor. With ALPHAPRUNE_TEST_CARD=true in
the environment the true one of this machine is used, where there is one.
"""
import os
import pathlib
import re
import unittest

import h5py
import numpy as np

from harness import BOOKS, PROGRAM, ProgramTest, start

TRUE_CARD = os.environ.get("ALPHAPRUNE_TEST_CARD") == "true"
CARD = {"LIBALPHAPRUNE_CUDA":
        str(pathlib.Path(PROGRAM).parent / ("alphaprune_cuda.so" if TRUE_CARD else "fake_card.so"))}
TOKENS = 64


def matrices_of(output):
    found = {}
    with h5py.File(output / "checkpoint.h5") as file:
        file.visititems(lambda name, item: found.update({name: item[()]})
                        if isinstance(item, h5py.Dataset) and "_proj" in name else None)
    return found


class CardPruning(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.eval = cls.shared / "eval.npy"
        np.save(cls.eval, np.load(BOOKS / "eval.npy").reshape(-1)[:4 * TOKENS])

    def prune(self, name, *options, ranks=1, environment=None, status=0, method="wanda",
              sparsity=("--sparsity-ratio", "0.6")):
        output = self.folder / name
        done = start(["--model", BOOKS, "--calibration", BOOKS / "calibration.npy", "--nsamples", "6", "--seqlen",
                      TOKENS, "--eval", self.eval, "--prune-method", method, "--allocation", "uniform",
                      *sparsity, "--output", output, *options], ranks, {**CARD, **(environment or {})})
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        return output, done

    def one_card(self):
        """The run on one card that several tests compare others with, made once."""
        output = self.shared / "card"
        if not output.exists():
            self.prune(output, "--device", "cuda")
        return output

    def assert_same_bits(self, one, other):
        first, second = matrices_of(one), matrices_of(other)
        self.assertEqual(list(first), list(second))
        for name, values in first.items():
            self.assertEqual(values.tobytes(), second[name].tobytes(), name)

    def perplexities(self, output):
        evaluations = self.report(output)["perplexity"]
        return [value for one in evaluations for value in (one["dense"], one["pruned"])]

    def test_masks_and_perplexities_are_those_of_the_processor(self):
        card = self.one_card()
        processor, _ = self.prune("processor", "--device", "none")
        self.assertEqual(self.report(card)["run"]["forward_precision"], "bf16x2")
        self.assertEqual(self.report(processor)["run"]["forward_precision"], "float32")
        np.testing.assert_allclose(self.perplexities(card), self.perplexities(processor), rtol=1e-3)
        equal = [(values == 0) == (other == 0) for values, other
                 in zip(matrices_of(card).values(), matrices_of(processor).values())]
        self.assertGreaterEqual(np.mean(np.concatenate([one.ravel() for one in equal])), 0.999)
        self.assertTrue(any((values == 0).any() for values in matrices_of(card).values()))

    def test_the_plan_of_a_run_is_one_for_cards(self):
        _, done = self.prune("out", "--dry-run")
        self.assertRegex(done.stdout, r"1 graphics card per node.*; activations on cards")
        self.assertRegex(done.stdout, r"calibrate: .* of a card's memory")
        self.assertRegex(done.stdout, r"evaluate: .* of a card's memory")
        _, done = self.prune("out", "--dry-run", "--device", "none")
        self.assertNotIn("card", done.stdout)
        output = self.one_card()
        done = start(["plan", "--validate", output, "--card-gflops", "1"], 1)
        slow = float(re.search(r"prune and write +(\S+)", done.stdout).group(1))
        done = start(["plan", "--validate", output], 1)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(slow, 10 * float(re.search(r"prune and write +(\S+)", done.stdout).group(1)))

    @unittest.skipIf(TRUE_CARD, "a true card has the memory that it has")
    def test_a_card_without_room_for_hidden_states(self):
        roomy, done = self.prune("roomy", "--blocks", "0-0", method="sparsegpt")
        self.assertIn("on each rank's graphics card", done.stderr)
        self.assertNotIn("of a graphics card's memory", done.stderr)
        self.assertNotIn("do not fit", done.stderr)
        # Hidden states stay with the processor, sites come one by one; the result is the same.
        small, done = self.prune("small", "--blocks", "0-0", method="sparsegpt",
                                 environment={"FAKE_CARD_FREE_BYTES": "8"})
        self.assertRegex(done.stderr, "the hidden states of all but 0 sequences, .*, do not fit and stay in the node's")
        self.assertRegex(done.stderr, "calibration may need .* of a graphics card's memory, and 7 B")
        self.assert_same_bits(roomy, small)

    def test_patterns_are_dropped_alike(self):
        card, _ = self.prune("card", sparsity=("--sparsity-type", "2:4"))
        for name, values in matrices_of(card).items():
            zeros = (values.reshape(-1, 4) == 0).sum(axis=1)
            self.assertTrue((zeros >= 2).all(), name)

    @unittest.skipIf(TRUE_CARD, "there is one card")
    def test_two_cards_give_the_bits_of_one(self):
        one = self.one_card()
        two, _ = self.prune("two", ranks=2, environment={"FAKE_CARDS": "2"})
        self.assert_same_bits(one, two)
        self.assertEqual(self.perplexities(one), self.perplexities(two))

    def test_with_fewer_cards_than_ranks_processors_compute(self):
        output, done = self.prune("out", ranks=2)
        self.assertIn("only 1 of 2 ranks have a graphics card", done.stderr)
        self.assertEqual(self.report(output)["run"]["forward_precision"], "float32")

    def test_evaluate_has_the_perplexity_of_the_processor(self):
        found = []
        for device in ("cuda", "none"):
            done = start(["evaluate", "--model", BOOKS, "--eval", self.eval, "--seqlen", TOKENS, "--device", device],
                         1, CARD)
            self.assertEqual(done.returncode, 0, done.stderr)
            found.append(float(done.stdout.split()[1]))
        self.assertLess(abs(found[0] / found[1] - 1), 1e-4)

    @unittest.skipIf(TRUE_CARD, "a true card does not fail on demand")
    def test_a_run_goes_on_after_its_card_was_lost(self):
        expected = self.one_card()
        output, done = self.prune("lost", environment={"FAKE_CARD_FORWARD_LOST": "300"}, status=1)
        self.assertIn("made up: the card fell off the bus", done.stderr)
        self.assertIn("--resume", done.stderr)
        self.prune("lost", "--resume")
        self.assert_same_bits(expected, output)


if __name__ == "__main__":
    unittest.main()
