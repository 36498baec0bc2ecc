"""Tensors that are neither pruned nor used by the forward pass are carried byte for byte, whatever
their type and whatever they hold; those that are used must be of a type that is read, and finite."""
import json
import random
import unittest

import h5py
import numpy as np

from harness import BOOKS, TINY, ProgramTest, read_safetensors, start, write_safetensors

NUMPY = {"U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
         "U64": "<u8", "I64": "<i8", "F64": "<f8", "C64": "<c8", "BOOL": "?"}
BYTES = ("F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F8_E8M0")
BELOW_A_BYTE = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
METHODS = {"magnitude": (), "wanda": ("--calibration", "calibration.npy", "--nsamples", 4,
                                      "--seqlen", 16)}
BOTH = ("--format", "hdf5", "--format", "safetensors")


def random_bytes(kind, count, seed):
    if kind == "BOOL":
        return bytes(random.Random(seed).choices((0, 1), k=count))
    return random.Random(seed).randbytes(count)


def buffers():
    """{name: (type, shape, bytes)} of every type and shape."""
    found = {}

    def add(name, kind, shape, count):
        name = "model.layers.0.self_attn." + name
        found[name] = (kind, shape, random_bytes(kind, count, name))

    for kind in (*NUMPY, *BYTES):
        size = np.dtype(NUMPY.get(kind, "u1")).itemsize
        add(kind + ".mask", kind, [1, 1, 5, 5], 25 * size)
        add(kind + ".matrix", kind, [7, 3], 21 * size)
        add(kind + ".scalar", kind, [], size)
        add(kind + ".none", kind, [3, 0], 0)
    for kind, bits in BELOW_A_BYTE.items():
        add(kind + ".matrix", kind, [6, 8], 6 * bits)
        add(kind + ".odd", kind, [8, 3], 3 * bits)
    add("new", "F3_NEW", [4, 3], 7)
    add("new.scalar", "F3_NEW", [], 5)
    return found


def with_tensors(model, tensors):
    """Adds tensors to a model of one file, or puts them in the place of those of the same name."""
    path = model / "model.safetensors"
    header, data = read_safetensors(path)
    header.pop("__metadata__", None)
    all_tensors = {name: (entry["dtype"], entry["shape"], bytes(data[slice(*entry["data_offsets"])]))
                   for name, entry in header.items()}
    all_tensors.update(tensors)
    header, data = {}, b""
    for name, (kind, shape, contents) in all_tensors.items():
        header[name] = {"dtype": kind, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(contents)]}
        data += contents
    write_safetensors(path, header, data)
    return model


def tensors_in(folder):
    header, data = read_safetensors(folder / "model.safetensors")
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], bytes(data[slice(*entry["data_offsets"])]))
            for name, entry in header.items()}


def floats(*values):
    return "F32", [len(values)], np.array(values, "<f4").tobytes()


class Types(ProgramTest):
    def model_with(self, tensors, family="mistral"):
        """tiny-mistral, perhaps as a family that nobody knows, with other tensors."""
        model = self.copy_of(TINY / "tiny-mistral", f"model{len(list(self.folder.iterdir()))}")
        config = json.loads((model / "config.json").read_text())
        config["model_type"] = family
        (model / "config.json").write_text(json.dumps(config))
        return with_tensors(model, tensors)

    def pruned(self, model, *options, ranks=1):
        output = self.folder / f"out{len(list(self.folder.iterdir()))}"
        self.succeed(model, output, *BOTH, *options, ranks=ranks)
        verified = start(["verify", output], ranks)
        self.assertEqual(verified.returncode, 0, verified.stderr)
        return output

    def refused(self, model, *says, ranks=1, options=()):
        output = self.folder / f"out{len(list(self.folder.iterdir()))}"
        done = self.run_model(model, output, *options, ranks=ranks)
        self.assertEqual(done.returncode, 2, done.stderr + done.stdout)
        for text in says:
            self.assertIn(text, done.stderr)
        return done

    def assert_in_checkpoint(self, file, expected):
        """As h5py sees them."""
        with h5py.File(file) as checkpoint:
            for name, (kind, shape, contents) in expected.items():
                dataset = checkpoint["tensors"][name]
                self.assertEqual(dataset.attrs["dtype"].decode(), kind, name)
                self.assertEqual(dataset[()].tobytes(), contents, name)
                if kind in NUMPY or kind in BYTES:
                    self.assertEqual(dataset.dtype, np.dtype(NUMPY.get(kind, "u1")), name)
                    self.assertEqual(dataset.shape, tuple(shape), name)
                else:
                    self.assertEqual(dataset.attrs["shape"].tolist(), shape, name)
            packed = checkpoint["tensors/model.layers.0.self_attn.F4.matrix"]
            self.assertEqual(packed.shape, (6, 4))

    def test_buffers_of_every_type_are_carried(self):
        expected = buffers()
        np.save(self.folder / "calibration.npy",
                np.random.default_rng(1).integers(0, 100, (4, 16), dtype=np.int32))
        for family, method, ranks in (("mistral", "magnitude", 1), ("mistral", "wanda", 3),
                                      ("unheard-of", "magnitude", 3)):
            model = self.model_with(expected, family)
            options = [self.folder / word if str(word).endswith(".npy") else word
                       for word in METHODS[method]]
            output = self.pruned(model, "--prune-method", method, *options, ranks=ranks)
            exported = tensors_in(output / "hf")
            self.assertEqual({name: exported[name] for name in expected}, expected)
            self.assertEqual(set(exported), set(tensors_in(model)))
            self.assert_in_checkpoint(output / "checkpoint.h5", expected)
            again = self.folder / f"{output.name}-again"
            done = start(["export", "--model", output / "checkpoint.h5", "--output", again], ranks)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(tensors_in(again), exported)
            self.assertEqual((output / "hf/model.safetensors").read_bytes()[-1000:],
                             (again / "model.safetensors").read_bytes()[-1000:])
            self.assertIn("F3_NEW", "".join(self.report(output)["notes"]))

    def test_buffers_may_hold_infinities(self):
        infinity = float("inf")
        masks = {"model.layers.0.self_attn.bias":
                     ("F32", [1, 1, 2, 2], np.array([0, -infinity, 0, 0], "<f4").tobytes()),
                 "model.layers.0.self_attn.masked_bias":
                     ("F32", [], np.array(-infinity, "<f4").tobytes()),
                 "model.layers.1.rotary_emb.inv_freq": floats(1, float("nan")),
                 "model.layers.1.table": ("F64", [1], np.array([infinity], "<f8").tobytes())}
        for family in ("mistral", "unheard-of"):
            for ranks in (1, 2):
                output = self.pruned(self.model_with(masks, family), "--metric", "alpha_mid",
                                     ranks=ranks)
                exported = tensors_in(output / "hf")
                self.assertEqual({name: exported[name] for name in masks}, masks)

    def test_what_the_forward_pass_uses_must_be_finite_before_any_spectrum(self):
        norm = ("F32", [64], np.array([float("nan")] * 3 + [1.0] * 61, "<f4").tobytes())
        for family in ("mistral", "unheard-of"):
            for ranks in (1, 3):
                done = self.refused(self.model_with({"model.norm.weight": norm}, family),
                                    "3 values are NaN or infinite", "model.norm.weight",
                                    ranks=ranks)
                self.assertNotIn("spectrum:", done.stderr)

    def test_prunable_weights_must_be_of_a_type_that_is_read(self):
        name = "model.layers.1.mlp.up_proj.weight"
        shape = tensors_in(TINY / "tiny-mistral")[name][1]
        size = shape[0] * shape[1]
        for kind, count in (("F8_E8M0", size), ("I8", size), ("I64", 8 * size), ("F4", size // 2),
                            ("F3_NEW", 7)):
            for family in ("mistral", "unheard-of"):
                model = self.model_with({name: (kind, shape, bytes(count))}, family)
                self.refused(model, kind, name, "F32, F16 and BF16", "torch.bfloat16")

    def test_used_tensors_of_a_known_family_must_be_of_a_type_that_is_read(self):
        norm = {"model.norm.weight": ("I64", [64], np.ones(64, "<i8").tobytes())}
        self.refused(self.model_with(norm), "I64", "model.norm.weight", ranks=2)
        self.pruned(self.model_with(norm, "unheard-of"))

    def test_uniform_ratios_look_at_the_matrices_too(self):
        """Where no spectrum is computed, every method finds what is no number."""
        model = self.copy_of(BOOKS, "books")
        header, data = read_safetensors(model / "model.safetensors")
        name = "model.layers.2.mlp.down_proj.weight"
        begin = header[name]["data_offsets"][0]
        data[begin:begin + 2] = b"\x80\x7f"
        write_safetensors(model / "model.safetensors", header, data)
        for method in ("magnitude", "wanda"):
            options = ["--allocation", "uniform", "--prune-method", method]
            if method == "wanda":
                options += ["--calibration", BOOKS / "calibration.npy", "--nsamples", 2,
                            "--seqlen", 16]
            self.refused(model, name, "NaN or infinite", options=options, ranks=2)


if __name__ == "__main__":
    unittest.main()
