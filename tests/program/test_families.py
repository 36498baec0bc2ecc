"""Every family: perplexities, the prunable matrices and what magnitude and Wanda make of them as
transformers has it (golden.json of the tiny models); ALPS runs, on one model of each family; what is
not understood is refused by name. On some number of ranks each, or with --all-ranks each on 1, 2 and 3,
with the same results, and ALPS on every model. More arguments: names of models, or none for all."""
import json
import shutil
import sys
import unittest

import numpy as np

from harness import TINY, ProgramTest

MODELS = sorted(path.parent.name for path in TINY.glob("*/golden.json")
                if "magnitude_0.5" in json.loads(path.read_text()))
ONE_OF_EACH = {model.split("-")[1]: model for model in reversed(MODELS)}.values()
ALL_RANKS = "--all-ranks" in sys.argv
HALF = ("--sparsity-ratio", 0.5, "--allocation", "uniform")
GOLDEN_MATRICES = ("--fused", "whole")  # the goldens take a fused tensor for one matrix


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
        self.assertEqual([matrix["name"] for matrix in matrices], golden["matrices"])
        self.assertEqual([matrix["zeros"] for matrix in matrices], golden["magnitude_0.5"]["zeros"])

        of_ranks = [self.prune(model, "wanda", *GOLDEN_MATRICES, *calibration, ranks=ranks)
                    for ranks in ((1, 2, 3) if ALL_RANKS else (2,))]
        dense, pruned, matrices = of_ranks[0]
        self.assertAlmostEqual(pruned / golden["wanda_0.5"]["perplexity"], 1, delta=5e-3)
        # Experts without tokens go by magnitude: exactly half here, with ties in the golden.
        unseen = golden["wanda_0.5"]["without_tokens"]
        for matrix, zeros in zip(matrices, golden["wanda_0.5"]["zeros"]):
            half = matrix["rows"] * matrix["cols"] // 2
            self.assertEqual(matrix["zeros"], half if matrix["name"] in unseen else zeros)
        for other in of_ranks[1:]:
            self.assertEqual(other[:2], of_ranks[0][:2])

        if not ALL_RANKS and model not in ONE_OF_EACH:
            return
        of_ranks = [self.prune(model, "alps", *calibration, "--dense-target", 0.5,
                               "--residual-target", 0.5, "--site-order", "sequential",
                               "--damping", 0.1, ranks=ranks)
                    for ranks in ((1, 2, 3) if ALL_RANKS else (1,))]
        for other in of_ranks[1:]:
            self.assertEqual(other[:2], of_ranks[0][:2])
        for matrix in of_ranks[0][2]:
            self.assertAlmostEqual(matrix["sparsity"], 0.5, delta=0.01, msg=matrix["name"])


# What config.json may say that the weights contradict, or that the program does not know, and
# which words of it the error has.
REFUSED = (
    ("tiny-qwen3", {"rope_parameters": {"rope_type": "ntk", "rope_theta": 1e4}}, "ntk"),
    ("tiny-qwen3", {"hidden_act": "swish2"}, "swish2"),
    ("tiny-qwen3", {"num_attention_heads": 8}, "model.layers.0.self_attn.q_proj.weight is [64, 48]"),
    ("tiny-qwen3", {"head_dim": 8}, "model.layers.0.self_attn.k_proj.weight is [32, 48]"),
    ("tiny-gemma2", {"layer_types": ["chunked_attention"] * 4}, "chunked_attention"),
    ("tiny-gemma3_text", {"use_bidirectional_attention": True}, "use_bidirectional_attention"),
    ("tiny-mixtral", {"hidden_act": "relu7"}, "relu7"),
    ("tiny-mixtral", {"num_local_experts": 2}, "gate.weight is [4, 48]"),
    ("tiny-qwen3_moe", {"scoring_func": "sigmoid"}, "scoring_func"),
    ("tiny-qwen3_moe", {"num_experts_per_tok": 7}, "num_experts_per_tok"),
    ("tiny-deepseek_v3", {"num_experts_per_tok": 5}, "num_experts_per_tok"),  # 2 groups of 2
    ("tiny-deepseek_v3", {"topk_method": "greedy"}, "topk_method"),
    ("tiny-deepseek_v3", {"scoring_func": "softmax"}, "scoring_func"),
    ("tiny-deepseek_v3", {"n_group": 3}, "n_group"),
    ("tiny-deepseek_v3", {"kv_lora_rank": 13}, "kv_a_layernorm.weight is [16]"),
    ("tiny-phi3", {"intermediate_size": 50}, "gate_up_proj"),
    ("tiny-phi3-longrope", {"rope_scaling": {"type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}},
     "long_factor"),
    ("tiny-llama3", {"model_type": "bamba"}, "available for: llama, mistral"),
)


class Refused(ProgramTest):
    def test_what_is_not_understood_is_named_before_any_work(self):
        for model, changes, words in REFUSED:
            with self.subTest(model=model, changes=changes):
                changed = self.copy_of(TINY / model, model)
                config = json.loads((changed / "config.json").read_text())
                (changed / "config.json").write_text(json.dumps(config | changes))
                tokens = self.folder / "tokens.npy"
                np.save(tokens, np.ones((2, 8), "int32"))
                done = self.run_model(changed, self.folder / "out", "--prune-method", "wanda",
                                      "--calibration", tokens)
                shutil.rmtree(changed)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(words, done.stderr)
                self.assertFalse((self.folder / "out" / "report.json").exists())


def test_of(model):
    return lambda self: self.check(model)


for name in [word for word in sys.argv[1:] if word != "--all-ranks"] or MODELS:
    setattr(Family, "test_" + name.replace("-", "_"), test_of(name))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
