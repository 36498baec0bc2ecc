#!/usr/bin/env python3
"""Makes the small random models of tests/data/models whose name ends in -own, with what transformers
5 and torch compute for them (golden.json: logits, perplexity).

    make_mixtures.py FOLDER [NAME...]
"""
import json
import pathlib
import sys

import torch
import transformers

TOKENS, SEQUENCES, POSITIONS = 96, 2, [0, 1, 50, 95]
COMMON = dict(vocab_size=160, num_hidden_layers=2, max_position_embeddings=256, pad_token_id=0,
              bos_token_id=1, eos_token_id=2, tie_word_embeddings=False)

# Not as in other tests: as wide as two experts' layers, odd counts, no rotary scaling, small limit.
MODELS = {
    "tiny-gpt_oss-own": transformers.GptOssConfig(
        **COMMON, hidden_size=64, intermediate_size=32, num_attention_heads=6,
        num_key_value_heads=3, head_dim=8, num_local_experts=5, num_experts_per_tok=3,
        sliding_window=9, swiglu_limit=0.75, swiglu_alpha=1.25,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0}),
    "tiny-mixtral-fused-own": transformers.MixtralConfig(
        **COMMON, hidden_size=48, intermediate_size=24, num_attention_heads=4,
        num_key_value_heads=1, head_dim=8, num_local_experts=5, num_experts_per_tok=3,
        sliding_window=20),
}


def fill(model):
    """Every parameter at random: biases and sinks, too, and norms around one."""
    for name, values in model.named_parameters():
        random = torch.randn(values.shape) * (0.5 if values.dim() == 1 else 0.15)
        values.data = (random + 1 if "norm" in name else random).to(torch.bfloat16).float()


def golden_of(model):
    tokens = torch.randint(0, model.config.vocab_size, (SEQUENCES, TOKENS))
    with torch.no_grad():
        out = model(tokens, labels=tokens)
    return {"transformers": transformers.__version__, "input_ids": tokens.tolist(),
            "positions": POSITIONS,
            "logits": [[round(x, 6) for x in row] for row in out.logits[0, POSITIONS].tolist()],
            "perplexity": float(torch.exp(out.loss))}


def make(name, config, folder):
    torch.manual_seed(7)
    config._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    fill(model)
    golden = golden_of(model)
    model.to(torch.bfloat16).save_pretrained(folder / name, save_original_format=False)
    (folder / name / "golden.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    for wanted in sys.argv[2:] or MODELS:
        make(wanted, MODELS[wanted], pathlib.Path(sys.argv[1]))
