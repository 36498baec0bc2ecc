"""The Python package in python/alphaprune_report on what the program has written."""
import csv
import sys
import unittest

import h5py
import numpy as np

from harness import BOOKS, PROGRAM, ROOT, TINY, ProgramTest, read_safetensors, start

sys.path.insert(0, str(ROOT / "python" / "alphaprune_report" / "src"))
from alphaprune_report import ModelFolder, Run, accuracy, load_scores  # noqa: E402

try:
    import pandas
except ImportError:
    pandas = None


def knows_bitmask():
    return "bitmask" in start(["--help"]).stdout


class Package(ProgramTest):
    def test_a_run(self):
        output = self.folder / "out"
        self.succeed(BOOKS, output, "--blocks", "0-1", "--format", "hdf5", "--format", "safetensors",
                     "--eval", self.text_of(4 * 512))
        run = Run(output)
        with open(output / "matrices.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([matrix.name for matrix in run.matrices], [row["name"] for row in rows])
        for matrix, row in zip(run.matrices, rows):
            self.assertEqual(matrix.zeros, int(row["zeros"]))
            self.assertAlmostEqual(matrix.sparsity, matrix.zeros / matrix.weights)
            self.assertEqual(run.tensors()[matrix.name].size - np.count_nonzero(run.tensors()[matrix.name]),
                             matrix.zeros)
        np.testing.assert_array_equal(run.metric("alpha_mid"),
                                      [matrix.metrics["alpha_mid"] for matrix in run.matrices])
        self.assertGreater(run.perplexities[0].pruned, run.perplexities[0].dense)
        self.assertIn("sparsity 0.", repr(run))
        with h5py.File(output / "checkpoint.h5") as file:
            name = run.matrices[3].name
            np.testing.assert_array_equal(run.spectrum(name), file["spectra"][name][:])
        with run.checkpoint() as checkpoint:
            folder = ModelFolder(output / "hf")
            self.assertEqual(list(checkpoint), list(folder))
            for name in checkpoint:
                np.testing.assert_array_equal(checkpoint[name], folder[name])
                self.assertEqual(checkpoint.info(name), folder.info(name))
            np.testing.assert_array_equal(checkpoint.metric("alpha_mid"), run.metric("alpha_mid"))

    def test_an_analysis(self):
        done = start(["analyze", "--model", TINY / "tiny-mistral", "--output", self.folder / "out"])
        self.assertEqual(done.returncode, 0, done.stderr)
        run = Run(self.folder / "out")
        self.assertIsNone(run.matrices[0].zeros)
        self.assertIn("analyzed", repr(run))
        self.assertEqual(run.metric("entropy").shape, (len(run.matrices),))

    @unittest.skipUnless(pandas, "no pandas")
    def test_frames(self):
        self.succeed(TINY / "tiny-mistral", self.folder / "out")
        run = Run(self.folder / "out")
        frame, blocks = run.frame(), run.blocks()
        self.assertEqual(len(frame), len(run.matrices))
        self.assertEqual(int(frame["zeros"].sum()), run.report["zeros"])
        self.assertEqual(len(blocks), run.report["model"]["blocks"])
        self.assertAlmostEqual(float(blocks["zeros"].sum() / blocks["weights"].sum()),
                               run.report["sparsity"])

    @unittest.skipUnless(knows_bitmask(), "the program does not store masks")
    def test_masks(self):
        options = ["--format", "hdf5", "--format", "safetensors"]
        for name, storage in {"dense": [], "masks": ["--storage", "bitmask"]}.items():
            self.succeed(TINY / "tiny-mistral", self.folder / name, *options, *storage)
        plain, masks = ModelFolder(self.folder / "dense/hf"), ModelFolder(self.folder / "masks/hf")
        self.assertEqual(set(plain), set(masks))
        self.assertTrue(any(masks.info(name).masked for name in masks))
        with Run(self.folder / "masks").checkpoint() as checkpoint:
            for name in plain:
                np.testing.assert_array_equal(masks.raw(name), plain.raw(name))
                np.testing.assert_array_equal(checkpoint[name], plain[name])
                self.assertEqual(checkpoint.info(name), masks.info(name))

    def test_bits_of_a_file(self):
        header, data = read_safetensors(TINY / "tiny-mistral/model.safetensors")
        folder = ModelFolder(TINY / "tiny-mistral")
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                self.assertEqual(folder.raw(name).tobytes(), bytes(data[begin:end]))

    def test_scores(self):
        task, scores = self.folder / "task.jsonl", self.folder / "scores.jsonl"
        task.write_text('{"context": "She looked at him and", "choices": ["said", "zebra"], "answer": 0}\n')
        done = start(["evaluate", "--model", BOOKS, "--choices", task, "--scores", scores])
        if "SentencePiece" in done.stderr:
            self.skipTest("built without SentencePiece")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(accuracy(load_scores(scores)), 1)


if __name__ == "__main__":
    assert PROGRAM
    unittest.main()
