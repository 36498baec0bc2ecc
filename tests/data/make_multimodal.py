"""Makes tiny-gemma3, tiny-qwen2_5_vl, tiny-qwen3_vl and tiny-idefics3: random models for images and text whose
language model is a part, with transformers' logits and perplexity of a text (golden.json). Made with transformers
5.24; other versions draw other numbers.
    make_multimodal.py FOLDER"""
import json
import math
import pathlib
import sys

import torch
import transformers as t

TEXT = dict(vocab_size=128, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=256)
VISION = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, image_size=28,
              patch_size=14)  # as wide and as deep as the text's blocks
QWEN_VISION = dict(depth=2, hidden_size=32, out_hidden_size=32, intermediate_size=48, num_heads=4)
QWEN_IDS = dict(image_token_id=127, video_token_id=126, vision_start_token_id=125, vision_end_token_id=124)


def randomize(model):
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            parameter.normal_(0, 0.25 if "embed" in name else 0.15)
        elif "norm" in name and name.endswith("weight"):
            parameter.add_(torch.randn_like(parameter) * 0.2)
        else:
            parameter.normal_(0, 0.1)


@torch.no_grad()
def make(folder, kind, configuration):
    model = kind(configuration).float()
    randomize(model)
    model.to(torch.bfloat16).save_pretrained(folder)
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    vocabulary = configuration.get_text_config().vocab_size
    ids = torch.randint(3, vocabulary, (2, 96), generator=torch.Generator().manual_seed(7))
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.float()
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, vocabulary), ids[:, 1:].reshape(-1))
    positions = [1, 40, 95]
    golden = {"input_ids": ids.tolist(), "positions": positions, "logits": logits[0, positions].tolist(),
              "perplexity": math.exp(loss)}
    (folder / "golden.json").write_text(json.dumps(golden))


torch.manual_seed(0)
folder = pathlib.Path(sys.argv[1])
make(folder / "tiny-gemma3", t.Gemma3ForConditionalGeneration, t.Gemma3Config(
    text_config=dict(TEXT, head_dim=12, sliding_window=24, query_pre_attn_scalar=10,
                     layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
    vision_config=VISION, mm_tokens_per_image=4, image_token_index=127, boi_token_index=126, eoi_token_index=125))
make(folder / "tiny-qwen2_5_vl", t.Qwen2_5_VLForConditionalGeneration, t.Qwen2_5_VLConfig(
    text_config=dict(TEXT, rope_theta=1e4, rope_scaling={"type": "mrope", "mrope_section": [1, 1, 2]}),
    vision_config=dict(QWEN_VISION, fullatt_block_indexes=[1]), tie_word_embeddings=False, **QWEN_IDS))
make(folder / "tiny-qwen3_vl", t.Qwen3VLForConditionalGeneration, t.Qwen3VLConfig(
    text_config=dict(TEXT, head_dim=16, rope_theta=1e4, rope_scaling={
        "rope_type": "default", "mrope_interleaved": True, "mrope_section": [4, 2, 2]}),
    vision_config=dict(QWEN_VISION, deepstack_visual_indexes=[0, 1], num_position_embeddings=16), **QWEN_IDS))
make(folder / "tiny-idefics3", t.Idefics3ForConditionalGeneration, t.Idefics3Config(
    text_config=t.LlamaConfig(**TEXT), vision_config=dict(VISION, num_hidden_layers=2), image_token_id=127,
    scale_factor=2, pad_token_id=0))
