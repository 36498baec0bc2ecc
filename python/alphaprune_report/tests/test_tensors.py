"""Tensors dense and as mask and values, from files that are written here, byte by byte."""
import json
import pathlib
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "src"))
from alphaprune_report import ModelFolder, accuracy, dense, load_scores  # noqa: E402

NAMES = {"uint8": "U8", "uint16": "BF16", "float32": "F32", "int64": "I64", "float16": "F16"}


def write_safetensors(path, tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, tensor in tensors.items():
        raw = tensor.tobytes()
        header[name] = {"dtype": NAMES[str(tensor.dtype)], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def masked(tensor):
    """Mask and values, bit by bit."""
    rows = tensor.reshape(-1, tensor.shape[-1])
    mask = np.zeros((rows.shape[0], (rows.shape[1] + 7) // 8), np.uint8)
    values = []
    for r, row in enumerate(rows):
        for i, value in enumerate(row):
            if value != 0:
                mask[r, i // 8] |= 1 << (i % 8)
                values.append(value)
    return mask, np.array(values, tensor.dtype)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.random = np.random.default_rng(3)

    def sparse(self, *shape):
        bits = self.random.integers(1, 2**15, shape).astype(np.uint16)
        bits[self.random.random(shape) < 0.7] = 0
        return bits

    def test_masks(self):
        for shape in ((3, 8), (5, 13), (2, 3, 9), (1, 1), (4,)):
            tensor = self.sparse(*shape)
            np.testing.assert_array_equal(dense(*masked(tensor), shape), tensor)
        mask, values = masked(self.sparse(4, 16))
        with self.assertRaises(ValueError):
            dense(mask, values[:-1], (4, 16))
        with self.assertRaises(ValueError):
            dense(mask, values, (4, 32))

    def test_a_folder_of_dense_and_masked_tensors(self):
        one, two = self.sparse(6, 20), self.sparse(3, 2, 5)
        kept = self.random.standard_normal((4, 4)).astype(np.float32)
        for number, (name, tensor) in enumerate({"a.weight": one, "b.weight": two}.items()):
            mask, values = masked(tensor)
            write_safetensors(
                self.folder / f"model-0000{number}.safetensors",
                {f"{name}.bitmask": mask, f"{name}.values": values,
                 f"{name}.offsets": np.array([0, values.size]), f"kept{number}": kept},
                {"storage": "bitmask-1", "bitmask_shapes": json.dumps({name: list(tensor.shape)})})
        folder = ModelFolder(self.folder)
        self.assertEqual(list(folder), ["a.weight", "kept0", "b.weight", "kept1"])
        self.assertEqual(len(folder), 4)
        self.assertTrue(folder.info("b.weight").masked)
        self.assertEqual(folder.info("b.weight").shape, (3, 2, 5))
        self.assertEqual(folder.info("b.weight").dtype, "BF16")
        np.testing.assert_array_equal(folder.raw("a.weight"), one)
        np.testing.assert_array_equal(folder.raw("b.weight"), two)
        np.testing.assert_array_equal(folder["kept0"], kept)
        self.assertEqual(folder["a.weight"].dtype, np.float32)
        np.testing.assert_array_equal(folder["a.weight"].view(np.uint32) >> 16, one)
        with self.assertRaises(KeyError):
            folder["c.weight"]

    def test_files_that_are_none(self):
        with self.assertRaises(FileNotFoundError):
            ModelFolder(self.folder)
        file = self.folder / "x.safetensors"
        file.write_bytes(b"\xff" * 8)
        with self.assertRaises(ValueError):
            ModelFolder(file)

    def test_scores(self):
        file = self.folder / "scores.jsonl"
        lines = [{"file": "t", "item": i, "loglikelihoods": [-1.5, -2.0], "characters": [1, 4],
                  "chosen": 0, "chosen_norm": 1, "answers": [i]} for i in range(2)]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines + lines[:1]))
        items = load_scores(file)
        self.assertEqual([item.right for item in items], [True, False, True])
        self.assertAlmostEqual(accuracy(items), 2 / 3)
        self.assertAlmostEqual(accuracy(items, normalized=True), 1 / 3)


if __name__ == "__main__":
    unittest.main()
