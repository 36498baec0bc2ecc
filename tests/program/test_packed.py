"""Models whose weights are stored in float8 with scales, in MXFP4 or in float64: pruned and exported,
they are what comes of the same model stored as bfloat16 (or float32), which numpy makes here."""
import json
import unittest

import h5py
import numpy as np

from harness import TINY, ProgramTest, read_safetensors, start, write_safetensors

E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)
SAFETENSORS = ("--format", "hdf5", "--format", "safetensors")


def tensors_in(folder):
    """{name: (type, shape, bytes)}"""
    header, data = read_safetensors(folder / "model.safetensors")
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], bytes(data[slice(*entry["data_offsets"])]))
            for name, entry in header.items()}


def write_tensors(folder, tensors):
    header, data = {}, b""
    for name, (kind, shape, contents) in tensors.items():
        header[name] = {"dtype": kind, "shape": list(shape),
                        "data_offsets": [len(data), len(data) + len(contents)]}
        data += contents
    write_safetensors(folder / "model.safetensors", header, data)


def values_of(tensor):
    kind, shape, contents = tensor
    if kind == "BF16":
        bits = np.frombuffer(contents, "<u2").astype(np.uint32) << 16
        return bits.view(np.float32).reshape(shape)
    return np.frombuffer(contents, {"F32": "<f4", "F16": "<f2", "F64": "<f8"}[kind]).reshape(shape)


def as_bfloat16(values):
    """Rounded to nearest, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return "BF16", list(values.shape), rounded.astype("<u2").tobytes()


def float8_values(fraction_bits, bias, first_special):
    """The positive values of a float8 format by their codes."""
    codes = np.arange(first_special)
    exponent, fraction = codes >> fraction_bits, codes % (1 << fraction_bits) / (1 << fraction_bits)
    return np.where(exponent == 0, np.ldexp(fraction, 1 - bias),
                    np.ldexp(1 + fraction, exponent - bias)).astype(np.float32)


FLOAT8 = {"F8_E4M3": float8_values(3, 7, 0x7F), "F8_E5M2": float8_values(2, 15, 0x7C)}


def packed(values, kind, rows, cols):
    """Codes, a scale for each block of rows × cols, and what they stand for."""
    table = FLOAT8[kind]
    height, width = values.shape
    scales = np.empty((-(-height // rows), -(-width // cols)), np.float32)
    codes = np.empty(values.shape, np.uint8)
    meant = np.empty(values.shape, np.float32)
    for i in range(scales.shape[0]):
        for j in range(scales.shape[1]):
            part = np.s_[i * rows:(i + 1) * rows, j * cols:(j + 1) * cols]
            scales[i, j] = np.abs(values[part]).max() / table[-1]
            wanted = np.abs(values[part]) / scales[i, j]
            code = np.abs(wanted[..., None] - table).argmin(axis=-1)
            sign = np.signbit(values[part])
            codes[part] = code + 128 * sign
            meant[part] = np.where(sign, -table[code], table[code]) * scales[i, j]
    return codes, scales, meant


def mxfp4(values):
    """Blocks and scales of experts × inputs × outputs, 32 inputs at a time, and what they mean."""
    experts, inputs, outputs = values.shape
    groups = values.transpose(0, 2, 1).reshape(experts, outputs, inputs // 32, 32)
    power = np.floor(np.log2(np.abs(groups).max(axis=-1))).astype(int) - 2
    wanted = np.ldexp(np.abs(groups), -power[..., None])
    codes = np.abs(wanted[..., None] - E2M1).argmin(axis=-1) + 8 * np.signbit(groups)
    meant = np.where(codes & 8, -E2M1[codes & 7], E2M1[codes & 7])
    meant = np.ldexp(meant, power[..., None]).reshape(experts, outputs, inputs).transpose(0, 2, 1)
    return ((codes[..., ::2] | codes[..., 1::2] << 4).astype(np.uint8),
            (power + 127).astype(np.uint8), np.ascontiguousarray(meant, np.float32))


class Packed(ProgramTest):
    def setUp(self):
        super().setUp()
        np.save(self.folder / "calibration.npy",
                np.random.default_rng(1).integers(0, 100, (4, 16), dtype=np.int32))
        self.calibration = ("--calibration", self.folder / "calibration.npy", "--nsamples", 4,
                            "--seqlen", 16)

    def folder_of(self, name, tensors, quantization=None, like="tiny-mistral"):
        model = self.copy_of(TINY / like, name)
        if quantization:
            config = json.loads((model / "config.json").read_text())
            config["quantization_config"] = quantization
            (model / "config.json").write_text(json.dumps(config))
        write_tensors(model, tensors)
        return model

    def pruned(self, model, *options, ranks=1):
        output = self.folder / f"out{len(list(self.folder.iterdir()))}"
        self.succeed(model, output, *SAFETENSORS, *options, ranks=ranks)
        verified = start(["verify", output], ranks)
        self.assertEqual(verified.returncode, 0, verified.stderr)
        return output

    def float8_model(self, kind, rows, cols, suffix, quantization):
        """A packed model, and the one it stands for."""
        stored, meant = {}, {}
        for name, tensor in tensors_in(TINY / "tiny-mistral").items():
            if name.endswith("_proj.weight"):
                values = values_of(tensor).astype(np.float32)
                high, wide = (rows or values.shape[0]), (cols or values.shape[1])
                codes, scales, exact = packed(values, kind, high, wide)
                stored[name] = (kind, list(values.shape), codes.tobytes())
                shape = list(scales.shape) if rows else []
                stored[name + suffix] = ("F32", shape, scales.tobytes())
                stored[name.replace("weight", "input_scale")] = ("F32", [], b"\0\0\0\0")
                meant[name] = as_bfloat16(exact)
            else:
                stored[name] = meant[name] = tensor
        return (self.folder_of("packed", stored, quantization), self.folder_of("plain", meant))

    def assert_same_results(self, stored, plain, methods):
        for options, ranks in methods:
            with self.subTest(options=options):
                output = self.pruned(stored, *options, ranks=ranks)
                expected = self.pruned(plain, *options)
                self.assertEqual(tensors_in(output / "hf"), tensors_in(expected / "hf"))
                self.assertEqual(json.loads((output / "hf/config.json").read_text()),
                                 json.loads((plain / "config.json").read_text()))
                with h5py.File(output / "checkpoint.h5") as one, \
                        h5py.File(expected / "checkpoint.h5") as other:
                    self.assertEqual(set(one["tensors"]), set(other["tensors"]))
                ours, theirs = self.report(output), self.report(expected)
                self.assertEqual([m["metrics"] for m in ours["matrices"]],
                                 [m["metrics"] for m in theirs["matrices"]])
                self.assertIn("quantization_config", "".join(ours["notes"]))

    def test_blocks_with_short_last_ones(self):
        stored, plain = self.float8_model(
            "F8_E4M3", 48, 40, "_scale_inv",
            {"quant_method": "fp8", "weight_block_size": [48, 40], "activation_scheme": "dynamic"})
        self.assert_same_results(stored, plain, [
            ((), 1), (("--prune-method", "wanda", *self.calibration), 2),
            (("--prune-method", "sparsegpt", *self.calibration), 3)])
        # Groups of ranks read strips of a matrix.
        self.assert_same_results(stored, plain, [(("--solver", "two_stage", "--sparsity-ratio",
                                                   0.6), 4)])
        exported = self.folder / "exported"
        done = start(["export", "--model", stored, "--output", exported], 3)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(tensors_in(exported), tensors_in(plain))

    def test_a_scale_a_row_and_one_for_all(self):
        for kind, rows, method in (("F8_E5M2", 1, "compressed-tensors"), ("F8_E4M3", None, "fp8")):
            stored, plain = self.float8_model(kind, rows, None, "_scale", {"quant_method": method})
            self.assert_same_results(stored, plain, [((), 2)])
            for model in (stored, plain):
                model.rename(model.with_name(f"{model.name}-{kind}"))

    def test_mxfp4(self):
        """Stacked experts as gpt-oss has them, left dense here, come out transposed."""
        random = np.random.default_rng(3)
        experts, outputs, groups = 3, 5, 2
        blocks = random.integers(0, 256, (experts, outputs, groups, 16), dtype=np.uint8)
        scales = random.integers(100, 140, (experts, outputs, groups), dtype=np.uint8)
        codes = np.stack([blocks & 15, blocks >> 4], axis=-1).reshape(experts, outputs, groups, 32)
        values = np.where(codes & 8, -E2M1[codes & 7], E2M1[codes & 7])
        values = np.ldexp(values, scales[..., None].astype(int) - 127).astype(np.float32)
        values = values.reshape(experts, outputs, groups * 32).transpose(0, 2, 1)
        name = "model.layers.1.mlp.experts.gate_up_proj"
        others = tensors_in(TINY / "tiny-mistral")
        stored = self.folder_of("packed", others | {
            name + "_blocks": ("U8", blocks.shape, blocks.tobytes()),
            name + "_scales": ("U8", scales.shape, scales.tobytes())}, {"quant_method": "mxfp4"})
        for ranks in (1, 3):
            output = self.pruned(stored, "--exclude", "experts", ranks=ranks)
            self.assertEqual(tensors_in(output / "hf")[name], as_bfloat16(values))
            again = self.folder / f"again{ranks}"
            done = start(["export", "--model", output / "checkpoint.h5", "--output", again], ranks)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(tensors_in(again), tensors_in(output / "hf"))
            self.assertNotIn("quantization", (again / "config.json").read_text())

    def test_gpt_oss(self):
        """As it is published: the experts of every block in MXFP4."""
        like = "tiny-gpt_oss-own"
        stored, meant = {}, {}
        for name, tensor in tensors_in(TINY / like).items():
            if "experts" in name and len(tensor[1]) == 3:
                blocks, scales, values = mxfp4(values_of(tensor))
                stored[name + "_blocks"] = ("U8", blocks.shape, blocks.tobytes())
                stored[name + "_scales"] = ("U8", scales.shape, scales.tobytes())
                meant[name] = as_bfloat16(values)
            else:
                stored[name] = meant[name] = tensor
        packed_model = self.folder_of("packed", stored, {"quant_method": "mxfp4"}, like)
        plain = self.folder_of("plain", meant, like=like)
        self.assert_same_results(packed_model, plain, [
            ((), 2), (("--fused", "whole"), 3),
            (("--prune-method", "wanda", *self.calibration), 3),
            (("--prune-method", "sparsegpt", *self.calibration), 2),
            (("--prune-method", "alps", *self.calibration), 1)])
        exported = self.folder / "exported"
        done = start(["export", "--model", packed_model, "--output", exported], 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(tensors_in(exported), tensors_in(plain))
        perplexities = [start(["evaluate", "--model", model, "--eval",
                               self.folder / "calibration.npy", "--seqlen", 16]).stdout
                        .partition("perplexity")[2].split()[0] for model in (packed_model, plain)]
        self.assertEqual(*perplexities)

    def test_float64(self):
        wide, single = {}, {}
        random = np.random.default_rng(2)
        for name, tensor in tensors_in(TINY / "tiny-mistral").items():
            values = values_of(tensor).astype(np.float64)
            values = values * (1 + 1e-4 * random.standard_normal(values.shape))
            wide[name] = ("F64", tensor[1], values.astype("<f8").tobytes())
            single[name] = ("F32", tensor[1], values.astype("<f4").tobytes())
        stored, plain = self.folder_of("wide", wide), self.folder_of("single", single)
        for options, ranks in (((), 3), (("--prune-method", "wanda", *self.calibration), 2)):
            output = self.pruned(stored, *options, ranks=ranks)
            pruned = tensors_in(output / "hf")
            expected = tensors_in(self.pruned(plain, *options) / "hf")
            self.assertEqual(set(pruned), set(expected))
            for name, tensor in pruned.items():
                self.assertEqual(tensor[0], "F64")
                values, wanted = values_of(tensor), values_of(expected[name])
                np.testing.assert_array_equal(values.astype(np.float32), wanted, name)
                if not options:  # magnitude pruning keeps every bit of what stays
                    kept = values != 0
                    np.testing.assert_array_equal(values[kept], values_of(wide[name])[kept], name)
            self.assertIn("float64", "".join(self.report(output)["notes"]))

    def test_what_is_not_understood_is_refused_by_name(self):
        tensors = tensors_in(TINY / "tiny-mistral")
        name = "model.layers.1.mlp.up_proj.weight"
        _, shape, contents = tensors[name]
        tensors[name] = ("F8_E4M3", shape, bytes(len(contents) // 2))
        tensors[name + "_scale_inv"] = ("F32", [7, 3], bytes(84))
        model = self.folder_of("packed", tensors, {"quant_method": "fp8",
                                                   "weight_block_size": [128, 128]})
        done = self.run_model(model, self.folder / "out", ranks=2)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"{name}_scale_inv F32 [7, 3]", done.stderr)


if __name__ == "__main__":
    unittest.main()
