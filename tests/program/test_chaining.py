"""A checkpoint of a run as the model of every command."""
import json
import unittest

import h5py
import numpy as np

from harness import BOOKS, TINY, start
from test_calibrated import FIXED_CLOCK, METHODS, CalibratedTest


def stored_tensors(output):
    """{name: bits} of the tensors in a run's checkpoint."""
    tensors = {}
    with h5py.File(output / "checkpoint.h5") as file:
        for name, dataset in file["tensors"].items():
            kind = dataset.id.get_type()
            bits = np.empty(dataset.shape, f"u{kind.get_size()}")
            dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, bits, kind)
            tensors[name] = bits
    return tensors


class Chaining(CalibratedTest):
    def first_run(self, model=BOOKS, ratio=0.5):
        return self.prune("magnitude", "--sparsity-ratio", ratio, "--format", "hdf5", "--format",
                          "safetensors", "--metric", "alpha_mid", output=f"first-{model.name}",
                          ranks=2, model=model)

    def assert_same_tensors(self, one, other):
        one, other = stored_tensors(one), stored_tensors(other)
        self.assertEqual(list(one), list(other))
        for name, bits in one.items():
            self.assertTrue(np.array_equal(bits, other[name]), name)

    def test_a_checkpoint_is_pruned_further_as_its_export_is(self):
        first = self.first_run()
        before = stored_tensors(first)
        for method in METHODS:
            outputs = [self.prune(method, "--sparsity-ratio", 0.7, "--metric", "alpha_mid",
                                  model=first / model, ranks=ranks, output=f"{method}-{model}")
                       for model, ranks in (("checkpoint.h5", 2), ("hf", 1))]
            self.assert_same_tensors(*outputs)
            one, other = (self.report(output) for output in outputs)
            self.assertEqual([matrix["sparsity_ratio"] for matrix in one["matrices"]],
                             [matrix["sparsity_ratio"] for matrix in other["matrices"]])
            self.assertEqual(one["model"]["name"], "books-7m")
            after = stored_tensors(outputs[0])
            for matrix in one["matrices"]:
                zeros = np.count_nonzero(after[matrix["name"]] << 1 == 0)
                self.assertEqual(zeros, matrix["zeros"])
                if method == "magnitude":
                    size, ratio = matrix["rows"] * matrix["cols"], matrix["sparsity_ratio"]
                    had = np.count_nonzero(before[matrix["name"]] << 1 == 0)
                    self.assertEqual(zeros, max(int(size * ratio), had))

    def test_tensors_of_experts_and_transposed_ones_too(self):
        for model in ("tiny-gpt2", "tiny-qwen3_moe-fused"):
            first = self.first_run(TINY / model)
            outputs = [self.prune("magnitude", "--sparsity-ratio", 0.7, "--metric", "alpha_mid",
                                  model=first / name, ranks=ranks, output=f"{model}-{name}")
                       for name, ranks in (("checkpoint.h5", 2), ("hf", 1))]
            self.assert_same_tensors(*outputs)

    def test_every_command_takes_it(self):
        checkpoint = self.first_run() / "checkpoint.h5"
        text = self.folder / "eval.npy"
        np.save(text, np.load(BOOKS / "eval.npy").ravel()[:8 * 64])
        few = ("--eval", text, "--seqlen", 64)
        for command, options in (("analyze", ("--output", self.folder / "spectra")),
                                 ("plan", ()), ("evaluate", few),
                                 ("export", ("--output", self.folder / "exported")),
                                 ("sweep", ("--output", self.folder / "sweep", *few, "--prune-method",
                                            "magnitude", "--sparsity-ratio", "0.6,0.7"))):
            done = start([command, "--model", checkpoint, *options], 2)
            self.assertEqual(done.returncode, 0, command + done.stderr)
        done = start(["verify", checkpoint], 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        runs = json.loads((self.folder / "sweep" / "sweep.json").read_text())["runs"]
        self.assertEqual(len(runs), 2)

    def test_a_checkpoint_that_has_changed_is_another_model(self):
        first = self.first_run()
        output = self.prune("magnitude", model=first / "checkpoint.h5", environment=FIXED_CLOCK)
        again = ("--prune-method", "magnitude", "--resume")
        self.succeed(first / "checkpoint.h5", output, *again)
        (first / "checkpoint.h5").write_bytes((first / "checkpoint.h5").read_bytes())
        done = self.run_model(first / "checkpoint.h5", output, *again)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("was another one", done.stderr)


if __name__ == "__main__":
    unittest.main()
