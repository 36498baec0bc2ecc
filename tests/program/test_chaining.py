"""A checkpoint of a run as the model of every command."""
import json
import shutil
import unittest

import h5py
import numpy as np

from harness import BOOKS, TINY, start
from test_calibrated import FIXED_CLOCK, METHODS, CalibratedTest, tensors_of


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
        """One for all tests."""
        output = self.shared / f"{model.name}-{ratio}"
        if not output.exists():
            self.prune("magnitude", "--sparsity-ratio", ratio, "--format", "hdf5", "--format",
                       "safetensors", "--metric", "alpha_mid", output=output, ranks=2, model=model)
        return output

    def random_text(self):
        """For a tiny model, more tokens than inputs."""
        text = self.folder / "text.npy"
        np.save(text, np.random.default_rng(1).integers(0, 50, (8, 64), dtype=np.int32))
        return "--calibration", text

    def assert_same_tensors(self, one, other):
        one, other = stored_tensors(one), stored_tensors(other)
        self.assertEqual(list(one), list(other))
        for name, bits in one.items():
            self.assertTrue(np.array_equal(bits, other[name]), name)

    def test_a_checkpoint_is_pruned_further_as_its_export_is(self):
        first = self.first_run()
        before = stored_tensors(first)
        for method in ("magnitude", "sparsegpt"):
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

    def test_the_zeros_of_another_run_stay(self):
        methods = {method: (BOOKS, options) for method, options in METHODS.items()}
        methods |= {method: (TINY / "tiny-llama3", self.random_text()) for method in ("alps", "admm")}
        for number, (method, (model, options)) in enumerate(methods.items()):
            first = self.first_run(model)
            before = stored_tensors(first)
            dense = tensors_of(model)
            places = (first, first / "checkpoint.h5", first / "hf")
            for more in ((), ("--sparsity-type", "2:4")):
                outputs = []
                for ranks in (2,) if more else (1, 3):
                    output = self.folder / f"{method}-{len(more)}-{ranks}"
                    self.succeed(model, output, "--prune-method", method, *options, *more,
                                 *(() if more else ("--sparsity-ratio", 0.7)), "--allocation",
                                 "uniform", "--blocks", 0, "--mask-from", places[(number + ranks) % 3],
                                 ranks=ranks, environment=FIXED_CLOCK)
                    outputs.append(output)
                files = {(output / "checkpoint.h5").read_bytes() for output in outputs}
                self.assertEqual(len(files), 1)
                self.check_kept(method, more, before, stored_tensors(outputs[0]), dense,
                                self.report(outputs[0])["matrices"])

    def check_kept(self, method, pattern, before, after, dense, matrices):
        for matrix in matrices:
            name, cols = matrix["name"], matrix["cols"]
            old, new = (bits[name] << 1 == 0 for bits in (before, after))
            self.assertFalse(np.any(old & ~new), f"{method} {name}")
            gone = np.count_nonzero(new)
            self.assertEqual(gone, matrix["zeros"])
            if pattern:
                groups = [zeros.reshape(-1, cols // 4, 4).sum(axis=2) for zeros in (old, new)]
                self.assertTrue(np.array_equal(groups[1], np.maximum(groups[0], 2)), name)
            elif method == "wanda":
                rows = np.maximum(old.sum(axis=1), int(cols * 0.7))
                self.assertTrue(np.array_equal(new.sum(axis=1), rows), name)
            elif method != "sparsegpt":
                self.assertEqual(gone, max(int(new.size * 0.7), np.count_nonzero(old)), name)
            if method == "magnitude" and not pattern:
                bits = np.frombuffer(dense[name][2], "<u2").reshape(new.shape)
                keys = np.where(old, 0, (bits << 1) >> 1).ravel()
                order = np.argsort(keys, kind="stable")[:gone]
                expected = bits.copy().ravel()
                expected[order] = 0
                self.assertTrue(np.array_equal(expected.reshape(new.shape), after[name]), name)

    def test_more_zeros_than_asked_for_all_stay(self):
        first = self.first_run(ratio=0.8)
        before = stored_tensors(first)
        output = self.prune("magnitude", "--sparsity-ratio", 0.3, "--mask-from", first)
        for name, bits in stored_tensors(output).items():
            self.assertTrue(np.array_equal(bits, before[name]), name)

    def test_zeros_of_slices_experts_and_transposed_matrices_stay(self):
        text = self.random_text()
        for model in ("tiny-gpt2", "tiny-qwen3_moe-fused", "tiny-phi3"):
            first = self.first_run(TINY / model)
            before = stored_tensors(first)
            for method, options, ranks in (("magnitude", (), 2), ("wanda", text, 2), ("alps", text, 1)):
                output = self.folder / f"{model}-{method}"
                self.succeed(TINY / model, output, "--prune-method", method, *options,
                             "--sparsity-ratio", 0.7, "--allocation", "uniform", "--blocks", 0,
                             "--mask-from", first, ranks=ranks)
                after = stored_tensors(output)
                for name in {matrix.get("tensor") or matrix["name"]
                             for matrix in self.report(output)["matrices"]}:
                    name = name.split("[")[0]
                    old, new = (bits[name] << 1 == 0 for bits in (before, after))
                    self.assertFalse(np.any(old & ~new), f"{model} {method} {name}")

    def test_a_mask_of_another_model_is_refused_and_another_mask_is_another_run(self):
        other = self.first_run(TINY / "tiny-llama3")
        done = self.run_model(BOOKS, self.folder / "out", "--mask-from", other)
        self.assertEqual(done.returncode, 2)
        self.assertIn("phases.mask-of-another-model", done.stderr)
        self.assertFalse((self.folder / "out").exists())
        first = self.first_run()
        output = self.prune("magnitude", "--mask-from", first / "hf")
        again = ("--prune-method", "magnitude", "--resume")
        self.succeed(BOOKS, output, *again, "--mask-from", first / "hf")
        for mask in ((), ("--mask-from", first / "checkpoint.h5")):
            done = self.run_model(BOOKS, output, *again, *mask)
            self.assertEqual(done.returncode, 2, done.stderr)

    def test_a_checkpoint_that_has_changed_is_another_model(self):
        model = self.folder / "checkpoint.h5"
        shutil.copy(self.first_run() / "checkpoint.h5", model)
        output = self.prune("magnitude", model=model, environment=FIXED_CLOCK)
        again = ("--prune-method", "magnitude", "--resume")
        self.succeed(model, output, *again)
        model.write_bytes(model.read_bytes())
        done = self.run_model(model, output, *again)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("was another one", done.stderr)


if __name__ == "__main__":
    unittest.main()
