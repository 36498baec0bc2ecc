"""Finished runs before the oracle: Python code that shares nothing with the program."""
import subprocess
import sys
import unittest

from harness import BOOKS, GROUP_SOLVER, ROOT, TINY, ProgramTest

CHECK = ROOT / "tests" / "oracle" / "check_checkpoint.py"


class Oracle(ProgramTest):
    def accept(self, model, *options, ranks=2, check=()):
        output = self.folder / model.name
        self.succeed(model, output, "--overwrite", *options, ranks=ranks)
        done = subprocess.run([sys.executable, CHECK, output, model, *check], timeout=120,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_books_exact(self):
        self.accept(BOOKS, "--metric", "alpha_mid", ranks=3)

    def test_books_inclusive(self):
        self.accept(BOOKS, "--ties", "inclusive", "--sparsity-ratio", "0.55", check=["--inclusive"])

    def test_tiny_models_of_every_family(self):
        for name in ("tiny-llama3", "tiny-mistral", "tiny-qwen2", "tiny-opt"):
            for solver in ("auto", GROUP_SOLVER):
                with self.subTest(model=name, solver=solver):
                    self.accept(TINY / name, "--solver", solver, "--mapping-type", "layer_wise")


if __name__ == "__main__":
    unittest.main()
