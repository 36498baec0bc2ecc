"""Which matrices are pruned: architectures that are not known by name, --include and --exclude."""
import json
import unittest

import h5py
import numpy as np

from harness import TINY, ProgramTest, read_safetensors, start, write_safetensors


def write_model(folder, config, shapes, seed=0):
    """A folder with float32 weights of these shapes."""
    random = np.random.default_rng(seed)
    folder.mkdir()
    header, data = {}, b""
    for name, shape in shapes.items():
        values = random.standard_normal(shape).astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(shape),
                        "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    write_safetensors(folder / "model.safetensors", header, data)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def in_blocks(prefix, blocks, shapes):
    return {f"{prefix}{b}.{name}": shape for b in range(blocks) for name, shape in shapes.items()}


ODD = {"model_type": "odd", "hidden_size": 24, "num_hidden_layers": 2,
       "num_attention_heads": 3, "vocab_size": 50}
BLOCK = {"attn.q_proj.weight": (24, 24), "attn.q_norm.weight": (3, 8), "ln.weight": (24,),
         "mlp.gate.weight": (4, 24), "mlp.extra": (24, 24),
         **{f"mlp.experts.{e}.w1.weight": (40, 24) for e in range(4)}}
UNIFORM = ("--allocation", "uniform", "--sparsity-ratio", "0.5")


class Choice(ProgramTest):
    def zeros_in(self, output):
        """Share of zeros of each tensor of a checkpoint."""
        with h5py.File(output / "checkpoint.h5") as file:
            return {name: float(np.mean(file["tensors"][name][...] == 0))
                    for name in file["tensors"]}

    def odd(self, name="odd", more=None):
        return write_model(self.folder / name, ODD,
                           {"embed.weight": (50, 24),
                            **in_blocks("model.layers.", 2, {**BLOCK, **(more or {})})})

    def test_linear_layers_and_what_the_user_says(self):
        model = self.odd()
        done = self.succeed(model, self.folder / "plain", *UNIFORM, ranks=2)
        linear = ("q_proj.weight", "w1.weight")
        for name, share in self.zeros_in(self.folder / "plain").items():
            self.assertEqual(share, 0.5 if name.endswith(linear) else 0, name)
        self.assertIn("left out: model.layers.*.mlp.extra (2 tensors", done.stderr)
        told = self.report(self.folder / "plain")["model"]
        self.assertEqual({g["names"]: g["reason"] for g in told["left_out"]}
                         ["model.layers.*.mlp.gate.weight"], "routers of experts")
        weights = sum(int(np.prod(shape)) for shape in BLOCK.values()) * 2
        self.assertEqual(told["block_weights"], weights)
        self.assertAlmostEqual(told["prunable_share"], told["prunable_parameters"] / weights)
        self.assertIn("routers of experts", (self.folder / "plain" / "report.html").read_text())

        output = self.folder / "said"
        more = ("--include", "extra$", "--include", "mlp\\.gate", "--exclude", "layers\\.0\\.attn",
                "--exclude", "experts\\.3", "--format", "hdf5", "--format", "safetensors")
        self.succeed(model, output, *UNIFORM, *more, ranks=3)
        for name, share in self.zeros_in(output).items():
            chosen = (name.endswith((*linear, "extra", "gate.weight")) and
                      "layers.0.attn" not in name and "experts.3" not in name)
            self.assertEqual(share, 0.5 if chosen else 0, name)
        self.assertEqual(start(["verify", output], 2).returncode, 0)
        done = start(["export", "--model", output / "checkpoint.h5",
                      "--output", self.folder / "hf"], 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(read_safetensors(self.folder / "hf" / "model.safetensors")[1],
                         read_safetensors(output / "hf" / "model.safetensors")[1])
        # Another choice is another run.
        done = self.run_model(model, output, *UNIFORM, *more[:-8], "--resume")
        self.assertEqual(done.returncode, 2, done.stderr)

    def test_a_family_known_by_name_with_every_method(self):
        tokens = self.folder / "tokens.npy"
        np.save(tokens, np.random.default_rng(1).integers(0, 512, (6, 24)).astype("int32"))
        for method in (["--prune-method", "wanda"], ["--prune-method", "sparsegpt"],
                       ["--prune-method", "wanda", "--allocation", "owl"]):
            output = self.folder / "-".join(method)
            self.succeed(TINY / "tiny-llama3", output, "--sparsity-ratio", "0.5", *method,
                         "--exclude", "k_proj|layers\\.1\\.mlp|self_attn\\.o", "--eval", tokens,
                         "--calibration", tokens, "--nsamples", "6", ranks=2)
            for name, share in self.zeros_in(output).items():
                chosen = ".layers." in name and "proj" in name and not (
                    "k_proj" in name or "layers.1.mlp" in name or "self_attn.o" in name)
                self.assertEqual(share > 0.2, chosen, name)
            self.assertEqual(start(["verify", output], 2).returncode, 0)

    def test_what_is_refused(self):
        model = self.odd()
        stacked = self.odd("stacked", {"moe.experts.down_proj": (4, 24, 40)})
        for folder, options, says in (
                (stacked, [], "model.layers.*.moe.experts.down_proj"),
                (model, ["--include", "("], "the regular expression '('"),
                (model, ["--exclude", "nothing_like_this"], "nothing_like_this"),
                (model, ["--include", "nothing_like_this"], "nothing_like_this"),
                (model, ["--exclude", "."], "numbered names")):
            for command in (["run"], ["analyze"]):
                output = self.folder / "none"
                done = start([*command, "--model", folder, "--output", output, *options], 2)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(says, done.stderr)
                self.assertIn("remedy", done.stderr)
                self.assertFalse(output.exists())
        done = self.succeed(stacked, self.folder / "some", *UNIFORM, "--exclude", "moe.experts")
        self.assertIn("--exclude", done.stderr)
        done = start(["export", "--model", stacked, "--output", self.folder / "copy"])
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_blocks_that_the_text_part_describes(self):
        model = write_model(
            self.folder / "vlm",
            {"model_type": "llava", "vision_config": {"num_hidden_layers": 3, "hidden_size": 64},
             "text_config": {"model_type": "stablelm", "num_hidden_layers": 2, "hidden_size": 24}},
            {**in_blocks("vision_tower.layers.", 3, {"q_proj.weight": (64, 64)}),
             **in_blocks("language_model.model.layers.", 2, {"q_proj.weight": (24, 24)})})
        done = self.succeed(model, self.folder / "out", *UNIFORM, ranks=2)
        for name, share in self.zeros_in(self.folder / "out").items():
            self.assertEqual(share, 0.5 if name.startswith("language") else 0, name)
        self.assertIn("vision_tower.layers.<0-2>", done.stderr)
        self.assertTrue(any("vision_tower" in note
                            for note in self.report(self.folder / "out")["notes"]))
        plan = start(["plan", "--model", model, "--ranks", "2"])
        self.assertIn("24 x 24", plan.stdout)
        self.assertNotIn("64 x 64", plan.stdout)

    def test_conv1d_groups_run_over_inputs(self):
        model = write_model(
            self.folder / "gpt2", {"model_type": "imagegpt", "n_embd": 22, "n_layer": 2},
            in_blocks("h.", 2, {"attn.c_attn.weight": (22, 66), "attn.c_proj.weight": (22, 22),
                                "mlp.c_fc.weight": (22, 90), "mlp.c_proj.weight": (90, 22)}))
        stored = {}
        for ranks in (1, 2, 3):
            for pattern in ("2:4", "mixed-N:8"):
                output = self.folder / f"{pattern}-{ranks}"
                more = () if pattern == "2:4" else ("--metric", "alpha_mid",
                                                    "--sparsity-ratio", "0.5")
                self.succeed(model, output, "--sparsity-type", pattern, *more, ranks=ranks)
                self.assertEqual(start(["verify", output], 2).returncode, 0)
                with h5py.File(output / "checkpoint.h5") as file:
                    tensors = {name: file["tensors"][name][...] for name in file["tensors"]}
                for name, values in tensors.items():
                    np.testing.assert_array_equal(
                        values, stored.setdefault((pattern, name), values), name)
                size = 4 if pattern == "2:4" else 8
                for name, values in tensors.items():
                    whole = len(values) // size * size
                    groups = (values[:whole] == 0).reshape(-1, size, values.shape[1]).sum(axis=1)
                    self.assertEqual(groups.min(), groups.max(), name)
                    self.assertTrue(size == 8 or groups.max() == 2, name)
        self.assertTrue(all(m["transposed"]
                            for m in self.report(self.folder / "2:4-1")["matrices"]))


if __name__ == "__main__":
    unittest.main()
