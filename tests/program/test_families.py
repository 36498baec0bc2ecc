"""Every family: perplexities, the prunable matrices and what magnitude and Wanda make of them as
transformers has it (golden.json of the tiny models); ALPS runs. On some number of ranks each, or with
--all-ranks each on 1, 2 and 3, with the same results. More arguments: names of models, or none for all."""
import json
import sys
import unittest

import numpy as np

from harness import TINY, ProgramTest

MODELS = sorted(path.parent.name for path in TINY.glob("*/golden.json")
                if "magnitude_0.5" in json.loads(path.read_text()))
ALL_RANKS = "--all-ranks" in sys.argv
HALF = ("--sparsity-ratio", 0.5, "--allocation", "uniform")
GOLDEN_MATRICES = ("--fused", "whole")  # the goldens take a fused tensor for one matrix


class Family(ProgramTest):
    def prune(self, model, method, *options, ranks=1):
        """Dense and pruned perplexity, and the report."""
        output = self.folder / f"{method}{ranks}"
        self.succeed(TINY / model, output, "--prune-method", method, *HALF, "--eval",
                     self.folder / "tokens.npy", "--seqlen", 96, *options, ranks=ranks)
        report = self.report(output)
        [text] = report["perplexity"]
        return text["dense"], text["pruned"], report["matrices"]

    def check(self, model):
        golden = json.loads((TINY / model / "golden.json").read_text())
        tokens = self.folder / "tokens.npy"
        np.save(tokens, np.array(golden["input_ids"], "int32"))
        calibration = ("--calibration", tokens)

        dense, pruned, matrices = self.prune(model, "magnitude", "--ties", "inclusive",
                                             *GOLDEN_MATRICES)
        self.assertAlmostEqual(dense / golden["perplexity"], 1, delta=1e-3)
        self.assertAlmostEqual(pruned / golden["magnitude_0.5"]["perplexity"], 1, delta=5e-3)
        self.assertEqual([matrix["name"] for matrix in matrices], golden["matrices"])
        self.assertEqual([matrix["zeros"] for matrix in matrices], golden["magnitude_0.5"]["zeros"])

        of_ranks = [self.prune(model, "wanda", *GOLDEN_MATRICES, *calibration, ranks=ranks)
                    for ranks in ((1, 2, 3) if ALL_RANKS else (2,))]
        dense, pruned, matrices = of_ranks[0]
        self.assertAlmostEqual(pruned / golden["wanda_0.5"]["perplexity"], 1, delta=5e-3)
        # Experts without tokens go by magnitude: exactly half here, with ties in the golden.
        unseen = golden["wanda_0.5"]["without_tokens"]
        for matrix, zeros in zip(matrices, golden["wanda_0.5"]["zeros"]):
            half = matrix["rows"] * matrix["cols"] // 2
            self.assertEqual(matrix["zeros"], half if matrix["name"] in unseen else zeros)
        for other in of_ranks[1:]:
            self.assertEqual(other[:2], of_ranks[0][:2])

        of_ranks = [self.prune(model, "alps", *calibration, "--dense-target", 0.5,
                               "--residual-target", 0.5, "--site-order", "sequential",
                               "--damping", 0.1, ranks=ranks)
                    for ranks in ((1, 2, 3) if ALL_RANKS else (1,))]
        for other in of_ranks[1:]:
            self.assertEqual(other[:2], of_ranks[0][:2])
        for matrix in of_ranks[0][2]:
            self.assertAlmostEqual(matrix["sparsity"], 0.5, delta=0.01, msg=matrix["name"])


def test_of(model):
    return lambda self: self.check(model)


for name in [word for word in sys.argv[1:] if word != "--all-ranks"] or MODELS:
    setattr(Family, "test_" + name.replace("-", "_"), test_of(name))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
