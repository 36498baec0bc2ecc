#!/usr/bin/python3
"""The oracle itself: it accepts sound runs made in Python, and finds every kind of damage."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

import model_folder
import sample_run

HERE = pathlib.Path(__file__).resolve().parent
MODELS = HERE.parent / "data" / "models"
MODEL = MODELS / "tiny-qwen2"
QUERY = "model.layers.0.self_attn.q_proj.weight"


def check(output, model=MODEL, *more):
    return subprocess.run([sys.executable, HERE / "check_checkpoint.py", output, model, *more],
                          capture_output=True, text=True, check=False)


class Oracle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = pathlib.Path(tempfile.mkdtemp(prefix="alphaprune-"))
        sample_run.write_run(MODEL, cls.base / "sound")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.base, ignore_errors=True)

    def setUp(self):
        self.output = self.base / self.id()
        shutil.copytree(self.base / "sound", self.output)

    def change_file(self, change):
        with h5py.File(self.output / "checkpoint.h5", "r+") as file:
            change(file)

    def change_report(self, change):
        path = self.output / "report.json"
        report = json.loads(path.read_text())
        change(report)
        path.write_text(json.dumps(report))

    def expect(self, *words):
        done = check(self.output)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        last = done.stdout.splitlines()[-1]
        for word in ("WRONG", *words):
            self.assertIn(word, last)

    def flip(self, name, at):
        """Changes one stored value by its lowest bit."""
        def change(file):
            dataset = file["tensors"][name]
            kind = dataset.id.get_type()
            bits = np.empty(dataset.shape, np.uint16 if kind.get_size() == 2 else np.uint32)
            dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, bits, mtype=kind)
            bits.flat[at] ^= 1
            dataset.id.write(h5py.h5s.ALL, h5py.h5s.ALL, bits, mtype=kind)
        self.change_file(change)

    def test_accepts_sound_runs_of_every_sample_model(self):
        for model in sorted(MODELS.iterdir()):
            prunable = model_folder.prunable(model_folder.read_model(model))
            if model_folder.in_order(prunable) is None:  # of a family that is not known here
                continue
            for flags in ([], ["--inclusive"]):
                output = self.output / (model.name + "".join(flags))
                sample_run.write_run(model, output, 0.55, bool(flags))
                done = check(output, model, *flags)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_two_rules_for_ties_are_told_apart(self):
        done = check(self.output, MODEL, "--inclusive")
        self.assertEqual(done.returncode, 1, done.stdout)

    def test_changed_unpruned_tensor(self):
        self.flip("model.norm.weight", 3)
        self.expect("model.norm.weight", "not pruned")

    def test_changed_weight(self):
        self.flip(QUERY, 5)
        self.expect(QUERY)

    def test_missing_tensor(self):
        self.change_file(lambda file: file["tensors"].pop("model.norm.weight"))
        self.expect("missing", "model.norm.weight")

    def test_type(self):
        def change(file):
            values = file["tensors"].pop(QUERY)[:]
            file["tensors"][QUERY] = values.astype(np.float64)
        self.change_file(change)
        self.expect(QUERY, "type")

    def test_attributes(self):
        for name in ("checksum", "zeros", "sparsity", "sparsity_ratio"):
            def change(file, name=name):
                attributes = file["tensors"][QUERY].attrs
                kept = attributes[name]
                attributes.modify(name, kept + type(kept)(1))
            shutil.copy(self.base / "sound" / "checkpoint.h5", self.output)
            self.change_file(change)
            self.expect(QUERY, name)

    def test_spectrum(self):
        def change(file):
            values = file["spectra"][QUERY]
            values[0] = values[0] + 2e-12 * values[-1] * values.size
        self.change_file(change)
        self.expect("/spectra/" + QUERY)

    def test_metric_file(self):
        path = self.output / "metrics" / "alpha_mid.npy"
        values = np.load(path)
        values[-1] = np.nextafter(values[-1], 9)
        np.save(path, values)
        self.expect("alpha_mid")

    def test_zeros_of_the_report(self):
        self.change_report(lambda report: report.update(zeros=report["zeros"] + 1))
        self.expect("report.json: zeros")

    def test_budget(self):
        self.change_report(lambda report: report["allocation"].update(sparsity_ratio=0.6 + 2e-12))
        self.expect("weighted mean")

    def test_incomplete(self):
        self.change_file(lambda file: file.attrs.modify("complete", 0))
        self.expect("complete")


if __name__ == "__main__":
    unittest.main()
