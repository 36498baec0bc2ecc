#!/usr/bin/python3
"""The oracle of exports itself: it accepts copies of the sample models, and finds damage."""
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
MODELS = HERE.parent / "data" / "models"
MODEL = MODELS / "tiny-qwen2"
SHARD = "model-00002-of-00002.safetensors"


def check(exported, model=MODEL, *more):
    return subprocess.run([sys.executable, HERE / "check_export.py", exported, model, *more],
                          capture_output=True, text=True, check=False)


class ExportOracle(unittest.TestCase):
    def setUp(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="alphaprune-"))
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)
        self.folder = self.copy(MODEL)

    def copy(self, model):
        folder = self.base / model.name
        shutil.copytree(model, folder)
        return folder

    def change_header(self, change, pad=True):
        path = self.folder / SHARD
        raw = path.read_bytes()
        (length,) = struct.unpack("<Q", raw[:8])
        header = json.loads(raw[8:8 + length])
        change(header)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8 if pad else 1 - len(text) % 2)
        path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length:])

    def flip(self, name):
        """One bit of a tensor of the second shard."""
        path = self.folder / SHARD
        raw = bytearray(path.read_bytes())
        (length,) = struct.unpack("<Q", raw[:8])
        raw[8 + length + json.loads(raw[8:8 + length])[name]["data_offsets"][0]] ^= 1
        path.write_bytes(raw)

    def expect(self, *words, more=("--unchanged",)):
        done = check(self.folder, MODEL, *more)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        for word in ("WRONG", *words):
            self.assertIn(word, done.stdout.splitlines()[-1])

    def test_accepts_copies_of_every_sample_model(self):
        for model in sorted(MODELS.iterdir()):
            folder = self.folder if model == MODEL else self.copy(model)
            done = check(folder, model, "--unchanged")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_changed_matrix(self):
        name = "model.layers.2.mlp.down_proj.weight"
        self.flip(name)
        self.assertEqual(check(self.folder).returncode, 0)
        self.expect(name, "other bytes")

    def test_changed_norm(self):
        self.flip("model.norm.weight")
        self.expect("model.norm.weight", more=())

    def test_missing_and_additional_files(self):
        (self.folder / "generation_config.json").rename(self.folder / "tokenizer.json")
        self.expect("other files", "tokenizer.json")

    def test_changed_configuration(self):
        with (self.folder / "config.json").open("a") as file:
            file.write("\n")
        self.expect("config.json")

    def test_padding(self):
        self.change_header(lambda header: None, pad=False)
        self.expect("header of")

    def test_metadata(self):
        self.change_header(lambda header: header["__metadata__"].update(format="tf"))
        self.expect("metadata format")

    def test_shape(self):
        self.change_header(lambda header: header["model.norm.weight"].update(shape=[1]))
        self.expect("model.norm.weight")

    def test_index(self):
        path = self.folder / "model.safetensors.index.json"
        index = json.loads(path.read_text())
        for change in ({"metadata": {"total_size": 1}}, {"weight_map": {}}):
            path.write_text(json.dumps({**index, **change}))
            self.expect("index")
        path.unlink()
        self.expect("index")


if __name__ == "__main__":
    unittest.main()
