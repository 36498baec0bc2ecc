#!/usr/bin/env python3
"""Makes tiny random models with transformers 5, each with a golden.json of what the program must find in
it: logits, perplexities, matrices, and what magnitude and Wanda make of them.

    make_tiny_models.py FOLDER [NAME ...]

Those that the tests use lie in tests/data/models. Needs torch and transformers."""
import copy
import json
import math
import sys
from pathlib import Path

import torch
import transformers
from transformers.pytorch_utils import Conv1D

SIZES = {"vocab_size": 320, "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.15}
LLAMA_SIZES = {**SIZES, "hidden_size": 48, "num_hidden_layers": 2, "max_position_embeddings": 256,
               "pad_token_id": 0}
GPT2_SIZES = {**SIZES, "n_embd": 48, "n_layer": 3, "n_positions": 128}

# name: model type, stored type, its fields, what is special
MODELS = {
    "tiny-gpt2-scaled": ("gpt2", "float32", {
        **SIZES, "n_embd": 32, "n_layer": 3, "n_positions": 96, "n_head": 4, "n_inner": 40,
        "scale_attn_by_inverse_layer_idx": True},
        "n_inner, scores divided by the number of the block"),
    "tiny-gpt_neox-sequential": ("gpt_neox", "float16", {
        **LLAMA_SIZES, "num_attention_heads": 4, "intermediate_size": 96, "attention_bias": False,
        "use_parallel_residual": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0,
                            "partial_rotary_factor": 1.0}},
        "MLP after attention, all of a head rotated, attention without biases"),
    "tiny-falcon-groups": ("falcon", "bfloat16", {
        **LLAMA_SIZES, "num_attention_heads": 6, "num_kv_heads": 2, "ffn_hidden_size": 100,
        "new_decoder_architecture": True},
        "falcon-40b kind: groups of three query heads with a key and a value, two norms in parallel"),
    "tiny-falcon-alibi": ("falcon", "float16", {
        **LLAMA_SIZES, "num_attention_heads": 6, "multi_query": False, "parallel_attn": False,
        "bias": True, "alibi": True},
        "falcon-rw kind: ALiBi, query, key and value of each head, MLP after attention, biases"),
    # Not kept.
    "gpt2-unscaled": ("gpt2", "bfloat16", {
        **GPT2_SIZES, "n_head": 3, "scale_attn_weights": False, "activation_function": "relu",
        "tie_word_embeddings": False}, ""),
    "gpt2-one-head": ("gpt2", "float32", {
        **GPT2_SIZES, "n_head": 1, "n_inner": 200, "scale_attn_weights": False,
        "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True,
        "layer_norm_epsilon": 1e-3}, ""),
    "gpt_neox-half": ("gpt_neox", "bfloat16", {
        **LLAMA_SIZES, "num_attention_heads": 6, "intermediate_size": 64, "hidden_act": "gelu_new",
        "tie_word_embeddings": True, "layer_norm_eps": 1e-3,
        "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0,
                            "partial_rotary_factor": 0.5}}, ""),
    "gpt_neox-usual": ("gpt_neox", "float32", {
        **LLAMA_SIZES, "num_attention_heads": 2, "intermediate_size": 192,
        "use_parallel_residual": False}, ""),
    "falcon-one-norm": ("falcon", "bfloat16", {
        **LLAMA_SIZES, "num_attention_heads": 4, "num_kv_heads": 2, "new_decoder_architecture": True,
        "num_ln_in_parallel_attn": 1, "activation": "relu", "tie_word_embeddings": False}, ""),
    "falcon-groups-alibi": ("falcon", "float32", {
        **LLAMA_SIZES, "num_attention_heads": 12, "num_kv_heads": 3, "new_decoder_architecture": True,
        "alibi": True, "bias": True}, ""),
    "falcon-multi-query-alibi": ("falcon", "float32", {
        **LLAMA_SIZES, "num_attention_heads": 8, "alibi": True}, ""),
    "falcon-every-head": ("falcon", "bfloat16", {
        **LLAMA_SIZES, "num_attention_heads": 4, "multi_query": False, "layer_norm_epsilon": 1e-3,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500042.0}}, ""),
    "falcon-in-turn": ("falcon", "float16", {
        **LLAMA_SIZES, "num_attention_heads": 4, "parallel_attn": False, "bias": True}, ""),
    "falcon-heads-of-their-own": ("falcon", "float32", {
        **LLAMA_SIZES, "num_attention_heads": 4, "num_kv_heads": 4,
        "new_decoder_architecture": True}, ""),
}


def random_model(kind, stored, fields, seed):
    """In float32, its values being those of the stored type."""
    torch.manual_seed(seed)
    config = transformers.AutoConfig.for_model(kind, **fields)
    # The eager attention of Falcon adds ALiBi twice.
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:  # norms and biases, which begin as ones and zeros
                parameter += 0.2 * torch.randn_like(parameter)
            elif "wpe" in name:
                parameter *= 3
            parameter.copy_(parameter.to(getattr(torch, stored)))  # not the buffers
    return model.eval()


def losses_of(model, ids):
    logits = model(ids).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1).double(),
                                             ids[:, 1:].flatten()), logits


def is_linear(module):
    return isinstance(module, (torch.nn.Linear, Conv1D))


def blocks_of(model):
    base = getattr(model, model.base_model_prefix)
    return base.h if hasattr(base, "h") else base.layers


def matrices_of(model):
    """Name in the file and module, block after block."""
    names = {module: name for name, module in model.named_modules()}
    return [(names[module] + ".weight", module) for block in blocks_of(model)
            for module in block.modules() if is_linear(module)]


def zeros_in(model):
    return [int((module.weight == 0).sum()) for _, module in matrices_of(model)]


def prune_by_magnitude(model, ids):
    for _, module in matrices_of(model):
        values = module.weight.abs().flatten().sort().values
        module.weight[module.weight.abs() <= values[values.numel() // 2]] = 0


def prune_by_wanda(model, ids):
    """|W|·‖x‖ in each output; the inputs of a block are those with all blocks before it pruned."""
    for block in blocks_of(model):
        inputs = {}
        hooks = [module.register_forward_pre_hook(
            lambda module, given: inputs.__setitem__(module, given[0].flatten(0, 1)))
            for module in block.modules() if is_linear(module)]
        model(ids)
        for hook in hooks:
            hook.remove()
        for module, values in inputs.items():
            weight = module.weight.T if isinstance(module, Conv1D) else module.weight
            order = (weight.abs() * values.norm(dim=0)).sort(dim=1, stable=True).indices
            weight.scatter_(1, order[:, :weight.shape[1] // 2], 0.0)


@torch.no_grad()
def make(folder, name, seed):
    kind, stored, fields, note = MODELS[name]
    ids = torch.randint(3, 320, (2, 96), generator=torch.Generator().manual_seed(seed))
    model = random_model(kind, stored, fields, seed)
    loss, logits = losses_of(model, ids)
    exact = copy.deepcopy(model).double()(ids).logits
    positions = [0, 1, 50, 95]
    pruned = {}
    for method, prune in (("magnitude_0.5", prune_by_magnitude), ("wanda_0.5", prune_by_wanda)):
        changed = random_model(kind, stored, fields, seed)
        prune(changed, ids)
        pruned[method] = {"perplexity": math.exp(losses_of(changed, ids)[0]),
                          "zeros": zeros_in(changed)}
    pruned["wanda_0.5"]["without_tokens"] = []
    matrices = matrices_of(model)
    golden = {
        "name": name, "transformers": transformers.__version__, "stored_dtype": stored, "note": note,
        "attention": "sdpa", "input_ids": ids.tolist(), "positions": positions,
        "logits": [[round(value, 6) for value in logits[0, p].tolist()] for p in positions],
        "perplexity": math.exp(loss), "matrices": [matrix for matrix, _ in matrices],
        "shapes": [list((m.weight.T if isinstance(m, Conv1D) else m.weight).shape)
                   for _, m in matrices],
        "transposed": [matrix for matrix, m in matrices if isinstance(m, Conv1D)], **pruned,
        "float64_max_logit_difference": (exact - logits).abs().max().item(), "seed": seed}
    model.to(getattr(torch, stored)).save_pretrained(folder / name)
    (folder / name / "golden.json").write_text(json.dumps(golden))
    print(name, golden["perplexity"], golden["float64_max_logit_difference"])


if __name__ == "__main__":
    for number, made in enumerate(MODELS):
        if made in sys.argv[2:] or len(sys.argv) == 2:
            make(Path(sys.argv[1]), made, 2100 + number)
