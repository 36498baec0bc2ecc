"""The result must not depend on the number of ranks, bit for bit."""
import unittest

from harness import BOOKS, GROUP_SOLVER, LIBRARY_SOLVERS, TINY, ProgramTest

FIXED_CLOCK = {"SOURCE_DATE_EPOCH": "1700000000"}


class RankCounts(ProgramTest):
    def outputs(self, model, rank_counts, *options):
        outputs = []
        for ranks in rank_counts:
            output = self.folder / f"{model.name}-{len(outputs)}-np{ranks}"
            self.succeed(model, output, *options, ranks=ranks, environment=FIXED_CLOCK)
            outputs.append(output)
        return outputs

    def assert_same_bytes(self, outputs):
        first = outputs[0]
        names = ["checkpoint.h5"] + [str(p.relative_to(first))
                                     for p in sorted((first / "metrics").glob("*.npy"))]
        for other in outputs[1:]:
            for name in names:
                self.assertEqual((first / name).read_bytes(), (other / name).read_bytes(),
                                 f"{name} of {first.name} and {other.name}")
            a, b = self.report(first), self.report(other)
            self.assertEqual([m["sparsity_ratio"] for m in a["matrices"]],
                             [m["sparsity_ratio"] for m in b["matrices"]])

    def test_books_on_one_and_five_ranks(self):
        self.assert_same_bytes(self.outputs(BOOKS, (1, 5), "--metric", "alpha_mid"))

    def test_inclusive_ties_and_layer_wise(self):
        self.assert_same_bytes(self.outputs(BOOKS, (1, 3), "--ties", "inclusive",
                                            "--mapping-type", "layer_wise"))

    def test_tiny_models_of_every_family(self):
        for name in ("tiny-llama3", "tiny-mistral", "tiny-qwen2", "tiny-opt"):
            with self.subTest(model=name):
                self.assert_same_bytes(self.outputs(TINY / name, (1, 4)))

    def test_groups_of_ranks_find_the_same_masks(self):
        two = ("--blocks", "0-1", "--metric", "alpha_mid")  # all shapes, and ratios that differ
        serial, = self.outputs(BOOKS, (1,), *two)
        expected = self.report(serial)
        for solver in ("lapack1", "lapack2", *LIBRARY_SOLVERS):
            for ranks in (1, 4):
                if solver.startswith("lapack") and ranks > 1:
                    continue
                output = self.folder / f"{solver}-{ranks}"
                self.succeed(BOOKS, output, *two, "--solver", solver, ranks=ranks,
                             environment=FIXED_CLOCK)
                for ours, theirs in zip(self.report(output)["matrices"], expected["matrices"]):
                    self.assertEqual(ours["solver"], solver)
                    self.assertEqual(ours["group_ranks"], ranks)
                    self.assertEqual(ours["zeros"], theirs["zeros"], ours["name"])
                    self.assertAlmostEqual(ours["metrics"]["alpha_mid"],
                                           theirs["metrics"]["alpha_mid"], places=8)

    def test_groups_that_do_not_divide_the_ranks(self):
        serial, = self.outputs(TINY / "tiny-qwen2", (1,))
        output = self.folder / "groups"
        self.succeed(TINY / "tiny-qwen2", output, "--solver", GROUP_SOLVER, "--group-ranks", "2",
                     ranks=5, environment=FIXED_CLOCK)
        self.assertEqual([m["zeros"] for m in self.report(output)["matrices"]],
                         [m["zeros"] for m in self.report(serial)["matrices"]])


if __name__ == "__main__":
    unittest.main()
