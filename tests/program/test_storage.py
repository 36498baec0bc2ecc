"""Masks and values instead of dense tensors: sizes, export, resuming, reading with numpy."""
import os
import re
import signal
import subprocess
import time
import unittest

import h5py
import numpy as np

from harness import (BOOKS, MPIEXEC, PROGRAM, ROOT, TINY, kill_with_ranks, read_safetensors,
                     start)
from test_calibrated import FIXED_CLOCK, METHODS, CalibratedTest, tensors_of

BOTH = ("--format", "hdf5", "--format", "safetensors")
MASKS = ("--storage", "bitmask")


def reader_of_the_document():
    """The function that docs/output.md shows."""
    text = (ROOT / "docs" / "output.md").read_text()
    (code,) = re.findall(r"```python\n(import json, numpy as np.*?)```", text, re.DOTALL)
    names = {}
    exec(compile(code, "docs/output.md", "exec"), names)  # pylint: disable=exec-used
    function = code[code.index("def "):].rstrip().splitlines()
    return names["read_masked"], len(function)


class Storage(CalibratedTest):
    def runs(self, ratio=0.7, model=BOOKS, method="magnitude"):
        """Output folders, dense and with masks; each made once for all tests."""
        outputs = []
        for name, more in (("dense", ()), ("masks", MASKS)):
            outputs.append(self.shared / f"{model.name}-{method}-{ratio}-{name}")
            if not outputs[-1].exists():
                self.prune(method, "--sparsity-ratio", ratio, *BOTH, *more, model=model, ranks=2,
                           output=outputs[-1], environment=FIXED_CLOCK)
        return outputs

    def exported(self, model, name):
        done = start(["export", "--model", model, "--output", self.folder / name], 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.folder / name

    def assert_same_files(self, one, other):
        self.assertEqual(sorted(path.name for path in one.iterdir()),
                         sorted(path.name for path in other.iterdir()))
        for path in one.iterdir():
            self.assertTrue(path.read_bytes() == (other / path.name).read_bytes(), path.name)

    def test_sizes(self):
        for ratio, most in ((0.7, 0.37), (0.5, 0.57)):
            _, output = self.runs(ratio)
            dense = sum(2 * m["rows"] * m["cols"] for m in self.report(output)["matrices"])
            with h5py.File(output / "checkpoint.h5") as file:
                masked = sum(part.id.get_storage_size() for group in file["tensors"].values()
                             if isinstance(group, h5py.Group) for part in group.values())
            header, _ = read_safetensors(output / "hf" / "model.safetensors")
            parts = (".bitmask", ".values", ".offsets")
            in_folder = sum(entry["data_offsets"][1] - entry["data_offsets"][0]
                            for name, entry in header.items() if name.endswith(parts))
            self.assertEqual(masked, in_folder)
            self.assertLessEqual(masked / dense, most, f"at {ratio}: {masked / dense:.4f}")
            self.assertEqual([path.name for path in output.glob("*.partial")], [])

    def test_everything_comes_back_dense_bit_for_bit(self):
        for model, method in ((BOOKS, "sparsegpt"), (TINY / "tiny-gpt2", "magnitude"),
                              (TINY / "tiny-qwen3_moe-fused", "magnitude")):
            dense, masks = self.runs(model=model, method=method)
            expected = self.exported(dense / "checkpoint.h5", f"{model.name}-dense")
            for name in ("checkpoint.h5", "hf"):
                again = self.exported(masks / name, f"{model.name}-{name}")
                self.assertEqual(tensors_of(again), tensors_of(expected))
                if name == "checkpoint.h5":
                    self.assert_same_files(again, expected)
            for line in self.verified(dense, masks):
                self.assertIn("verified", line)

    def verified(self, *outputs):
        for output in outputs:
            done = start(["verify", output], 2)
            self.assertEqual(done.returncode, 0, done.stderr)
            yield done.stdout

    def test_folders_with_masks_are_models(self):
        dense, masks = self.runs(0.5)
        text = self.folder / "eval.npy"
        np.save(text, np.load(BOOKS / "eval.npy").ravel()[:8 * 64])
        lines = {self.perplexity_line(output / name, text, "--seqlen", 64, ranks=ranks)
                 for output in (dense, masks)
                 for name, ranks in (("checkpoint.h5", 1), ("hf", 2))}
        self.assertEqual(len(lines), 1, lines)
        first, *others = (
            tensors_of(self.prune("wanda", "--sparsity-ratio", 0.7, "--allocation", "uniform",
                                  "--mask-from", mask, "--format", "safetensors", model=model, ranks=2,
                                  output=f"again-{number}") / "hf")
            for number, (model, mask) in enumerate(
                ((dense / "hf", dense), (masks / "checkpoint.h5", masks / "hf"),
                 (masks / "hf", masks / "checkpoint.h5"))))
        for other in others:
            self.assertEqual(other, first)

    def test_the_reader_in_the_document(self):
        read, lines = reader_of_the_document()
        self.assertLessEqual(lines, 20)
        for model in (BOOKS, TINY / "tiny-qwen3_moe-fused"):
            dense, masks = self.runs(model=model)
            expected = tensors_of(dense / "hf")
            found = {}
            for shard in (masks / "hf").glob("*.safetensors"):
                found.update(read(shard))
            self.assertEqual(set(found), set(expected))
            for name, (_, shape, data) in expected.items():
                self.assertEqual(list(found[name].shape), shape)
                self.assertTrue(found[name].tobytes() == data, name)

    def kill_after(self, seconds, options, output):
        command = [MPIEXEC, "-n", "2", PROGRAM, *map(str, options), "--output", output, "--resume"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**os.environ, **FIXED_CLOCK}) as run:
            time.sleep(seconds)
            run.send_signal(signal.SIGKILL)

    def check_goes_on(self, options, whole, output):
        time.sleep(1)
        done = start([*options, "--output", output, "--resume"], 3, FIXED_CLOCK)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("checkpoint.h5", "hf/model.safetensors"):
            self.assertTrue((output / name).read_bytes() == (whole / name).read_bytes(), name)
        self.assertEqual([path.name for path in output.glob("*.partial")], [])
        return done.stderr

    def test_a_run_that_was_killed_goes_on(self):
        options = ["--model", BOOKS, "--prune-method", "wanda", *METHODS["wanda"], *BOTH, *MASKS,
                   "--sparsity-ratio", "0.7"]
        whole = self.folder / "whole"
        self.assertEqual(start([*options, "--output", whole], 1, FIXED_CLOCK).returncode, 0)
        output = self.folder / "killed"
        for seconds in (1.2, 1.6, 2.0):
            self.kill_after(seconds, options, output)
        self.check_goes_on(options, whole, output)

    def test_what_was_damaged_is_pruned_again(self):
        """As is all that lies behind it."""
        options = ["--model", BOOKS, "--prune-method", "wanda", "--calibration",
                   BOOKS / "calibration.npy", "--nsamples", 16, "--seqlen", 256, *BOTH, *MASKS,
                   "--sparsity-ratio", "0.7", "--allocation", "uniform"]
        whole = self.folder / "whole"
        self.assertEqual(start([*options, "--output", whole], 1, FIXED_CLOCK).returncode, 0)
        for part, number in ((".bitmask", 4), (".offsets", 2)):
            output = self.folder / f"damaged{part}"
            shard = output / "hf.partial" / "model.safetensors"
            command = [MPIEXEC, "-n", "2", PROGRAM, *map(str, options), "--output", output]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env={**os.environ, **FIXED_CLOCK}) as run:
                while not self.is_past(shard, part, number + 20):  # some blocks are durable
                    self.assertIsNone(run.poll())
                    time.sleep(0.01)
                kill_with_ranks(run, output)
            time.sleep(1)
            begin, _ = self.place_of(shard, part, number)
            with open(shard, "r+b") as file:
                file.seek(begin + 1)
                byte = file.read(1)[0]
                file.seek(begin + 1)
                file.write(bytes([byte ^ 0x10]))
            told = self.check_goes_on(options, whole, output)
            self.assertIn("is not what was recorded", told)

    def place_of(self, shard, part, number):
        """Where that part of the so-manieth matrix lies in the file."""
        header, data = read_safetensors(shard)
        places = sorted(entry["data_offsets"] for name, entry in header.items()
                        if name.endswith(part))
        return [shard.stat().st_size - len(data) + at for at in places[number]]

    def is_past(self, shard, part, number):
        if not shard.exists() or shard.stat().st_size == 0:
            return False
        begin, end = self.place_of(shard, part, number)
        with open(shard, "rb") as file:
            file.seek(begin)
            return any(file.read(end - begin))


if __name__ == "__main__":
    unittest.main()
