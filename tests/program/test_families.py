"""Every family: perplexities, the prunable matrices and what magnitude and Wanda make of them as
transformers has it (golden.json of the tiny models); ALPS runs. On some number of ranks each, or with
--all-ranks each on 1, 2 and 3, with the same results. More arguments: names of models, or none for all."""
import json
import sys
import unittest

import numpy as np

from harness import TINY, ProgramTest, read_safetensors, write_safetensors

MODELS = sorted(path.parent.name for path in TINY.glob("*/golden.json")
                if "magnitude_0.5" in json.loads(path.read_text()))
ALL_RANKS = "--all-ranks" in sys.argv
HALF = ("--sparsity-ratio", 0.5, "--allocation", "uniform")
GOLDEN_MATRICES = ("--fused", "whole")  # the goldens take a fused tensor for one matrix


def in_report_order(golden, of_method):
    """Names and zeros: as in golden.json, but all matrices of a tensor one after another."""
    tensors = [name.split("[")[0] for name in golden["matrices"]]
    order = sorted(range(len(tensors)), key=lambda i: tensors.index(tensors[i]))
    return [(golden["matrices"][i], golden[of_method]["zeros"][i]) for i in order]


class Family(ProgramTest):
    def prune(self, model, method, *options, ranks=1):
        """Dense and pruned perplexity, and the report."""
        output = self.folder / f"{method}{ranks}"
        self.succeed(TINY / model, output, "--prune-method", method, *HALF, "--eval",
                     self.folder / "tokens.npy", "--seqlen", 96, *options, ranks=ranks)
        report = self.report(output)
        [text] = report["perplexity"]
        return text["dense"], text["pruned"], report["matrices"]

    def check(self, model):
        golden = json.loads((TINY / model / "golden.json").read_text())
        tokens = self.folder / "tokens.npy"
        np.save(tokens, np.array(golden["input_ids"], "int32"))
        calibration = ("--calibration", tokens)

        dense, pruned, matrices = self.prune(model, "magnitude", "--ties", "inclusive",
                                             *GOLDEN_MATRICES)
        self.assertAlmostEqual(dense / golden["perplexity"], 1, delta=1e-3)
        self.assertAlmostEqual(pruned / golden["magnitude_0.5"]["perplexity"], 1, delta=5e-3)
        self.assertEqual([(matrix["name"], matrix["zeros"]) for matrix in matrices],
                         in_report_order(golden, "magnitude_0.5"))

        of_ranks = [self.prune(model, "wanda", *GOLDEN_MATRICES, *calibration, ranks=ranks)
                    for ranks in ((1, 2, 3) if ALL_RANKS else (2,))]
        dense, pruned, matrices = of_ranks[0]
        self.assertAlmostEqual(pruned / golden["wanda_0.5"]["perplexity"], 1, delta=5e-3)
        # Experts without tokens go by magnitude: exactly half here, with ties in the golden.
        unseen = golden["wanda_0.5"]["without_tokens"]
        for matrix, (name, zeros) in zip(matrices, in_report_order(golden, "wanda_0.5")):
            half = matrix["rows"] * matrix["cols"] // 2
            self.assertEqual(matrix["name"], name)
            self.assertEqual(matrix["zeros"], half if name in unseen else zeros)
        for other in of_ranks[1:]:
            self.assertEqual(other[:2], of_ranks[0][:2])

        of_ranks = [self.prune(model, "alps", *calibration, "--dense-target", 0.5,
                               "--residual-target", 0.5, "--site-order", "sequential",
                               "--damping", 0.1, ranks=ranks)
                    for ranks in ((1, 2, 3) if ALL_RANKS else (3,))]
        for other in of_ranks[1:]:
            self.assertEqual(other[:2], of_ranks[0][:2])
        for matrix in of_ranks[0][2]:
            self.assertAlmostEqual(matrix["sparsity"], 0.5, delta=0.01, msg=matrix["name"])


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


def test_of(model):
    return lambda self: self.check(model)


for name in [word for word in sys.argv[1:] if word != "--all-ranks"] or MODELS:
    setattr(Family, "test_" + name.replace("-", "_"), test_of(name))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
