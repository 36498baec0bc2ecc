"""How files hold what a family describes: experts that share two tensors, in either orientation, and
language models that are a part of a larger one."""
import json
import unittest

import numpy as np

from harness import TINY, ProgramTest, read_safetensors, write_safetensors

HALF = ("--sparsity-ratio", 0.5, "--allocation", "uniform")


class Part(ProgramTest):
    def test_a_language_model_that_is_a_part(self):
        """Of a model for images and text only the text's blocks are pruned; the rest is as before."""
        before = self.copy_of(TINY / "tiny-gemma3")
        tokens = self.folder / "tokens.npy"
        np.save(tokens, np.array(json.loads((before / "golden.json").read_text())["input_ids"],
                                 "int32"))
        output = self.folder / "out"
        done = self.succeed(before, output, "--prune-method", "sparsegpt", *HALF, "--calibration",
                            tokens, "--eval", tokens, "--seqlen", 96, "--format", "safetensors", ranks=2)
        self.assertIn("of this gemma3 model the language model is taken", done.stdout + done.stderr)
        self.assertNotIn("has no use for", done.stdout + done.stderr)
        pruned = {matrix["name"] for matrix in self.report(output)["matrices"]}
        self.assertEqual(len(pruned), 3 * 7)
        header, data = read_safetensors(before / "model.safetensors")
        exported_header, exported = read_safetensors(output / "hf" / "model.safetensors")
        self.assertEqual(set(header), set(exported_header))
        for name, tensor in header.items():
            if name == "__metadata__":
                continue
            begin, end = tensor["data_offsets"]
            first, last = exported_header[name]["data_offsets"]
            self.assertEqual(data[begin:end] != exported[first:last], name in pruned, name)
            self.assertTrue(name not in pruned or name.startswith("language_model.model.layers."))


class FusedExperts(ProgramTest):
    """Experts that share two tensors are pruned as those that have tensors of their own."""

    def tensors(self, model, *options):
        output = self.folder / f"output{len(list(self.folder.iterdir()))}"
        self.succeed(TINY / model, output, "--format", "safetensors", *options, ranks=2)
        folder = output / "hf"
        tensors = {}
        for path in folder.glob("*.safetensors"):
            header, data = read_safetensors(path)
            for name, entry in header.items():
                if name != "__metadata__":
                    tensors[name] = np.frombuffer(data[slice(*entry["data_offsets"])],
                                                  "<u2").reshape(entry["shape"])
        return tensors

    def check(self, model, experts, names):
        np.save(self.folder / "tokens.npy", np.random.default_rng(4).integers(0, 300, (2, 96),
                                                                              dtype=np.int32))
        calibrated = ("--calibration", self.folder / "tokens.npy", "--nsamples", 2, "--seqlen", 96)
        for options in (("--prune-method", "magnitude"), ("--prune-method", "wanda", *calibrated),
                        ("--prune-method", "sparsegpt", *calibrated),
                        ("--prune-method", "alps", *calibrated)):
            with self.subTest(options=options):
                fused, separate = (self.tensors(name, *options)
                                   for name in (model + "-fused", model))
                compared = 0
                for name, values in fused.items():
                    if name.endswith("gate_up_proj"):
                        values = {0: values[:, :values.shape[1] // 2],
                                  1: values[:, values.shape[1] // 2:]}
                    elif name.endswith("experts.down_proj"):
                        values = {2: values}
                    else:
                        plain = separate[name.replace("mlp.gate.", experts.replace("experts",
                                                                                   "gate."))]
                        np.testing.assert_array_equal(values, plain, name)
                        continue
                    block = name[:name.index("mlp.")]
                    for which, of_experts in values.items():
                        for e, expert in enumerate(of_experts):
                            other = f"{block}{experts}.{e}.{names[which]}.weight"
                            np.testing.assert_array_equal(expert, separate[other], other)
                            compared += 1
                self.assertGreater(compared, 3 * 3 * 3)

    def test_mixtral(self):
        self.check("tiny-mixtral", "block_sparse_moe.experts", ("w1", "w3", "w2"))

    def test_qwen3_moe(self):
        self.check("tiny-qwen3_moe", "mlp.experts", ("gate_proj", "up_proj", "down_proj"))

    def test_inputs_before_outputs(self):
        """The same tensors transposed: the same weights are removed."""
        model = "tiny-mixtral-fused"
        path = self.copy_of(TINY / model, "transposed") / "model.safetensors"
        header, data = read_safetensors(path)
        for name, entry in header.items():
            if "experts" in name:
                place = slice(*entry["data_offsets"])
                values = np.frombuffer(data[place], "<u2").reshape(entry["shape"])
                values = values.transpose(0, 2, 1)
                data[place], entry["shape"] = values.tobytes(), list(values.shape)
        write_safetensors(path, header, data)
        np.save(self.folder / "tokens.npy", np.arange(192, dtype=np.int32).reshape(2, 96))
        options = ("--prune-method", "sparsegpt", "--calibration", self.folder / "tokens.npy",
                   "--nsamples", 2, "--seqlen", 96)
        transposed = self.tensors(path.parent, *options)
        for name, values in self.tensors(model, *options).items():
            other = transposed[name]
            np.testing.assert_array_equal(
                values, other.transpose(0, 2, 1) if other.ndim == 3 else other, name)


if __name__ == "__main__":
    unittest.main()
