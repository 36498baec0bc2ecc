#!/usr/bin/env python3
"""Makes the multiple-choice tasks of tests/data/choices with what lm-evaluation-harness itself makes of
them: made-up items, two tiny random models (one whose tokenizer begins a text with a token, one whose does
not), the harness' log of every item, and its accuracies.

    make_choice_tasks.py FOLDER

Needs torch, transformers and lm_eval (0.4.13 made what lies in tests/data/choices)."""
import json
import shutil
import sys
from pathlib import Path

import lm_eval
import torch
import transformers
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

TOKENIZERS = Path(__file__).parent / "tokenizers"
SIZES = {"vocab_size": 1800, "initializer_range": 0.2, "tie_word_embeddings": True}
MODELS = {
    "llama": ("llama2", transformers.LlamaConfig(
        **SIZES, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=64, max_position_embeddings=40, bos_token_id=1, eos_token_id=2),
        {"bos_token": "<s>", "eos_token": "</s>"}),
    "gpt2": ("gpt2", transformers.GPT2Config(
        **SIZES, n_embd=32, n_layer=2, n_head=4, n_positions=48, bos_token_id=1683,
        eos_token_id=1683),
        {"bos_token": None, "eos_token": "<|endoftext|>"}),
}
LONG = "They walked along the river until the evening came, and nobody said a word of what had been. "
PLAIN = [
    ("The old man opened the door and", ["went in.", "swam through the whole of the sky.", "the"], 0),
    ("She looked at the letter ", ["again", "and smiled at him", "of"], 1),
    ("Question: what is white?\nAnswer:", ["snow", "coal", "the night"], 0),
    ("Which one? A. tea B. milk C. water D. wine\nAnswer:", ["A", "B", "C", "D"], 2),
    ("Which one? A. rain B. sun C. wind D. snow\nAnswer:", ["A", "B", "C", "D"], 3),
    ("Which one? A. rain B. sun C. wind D. snow\nAnswer:", ["A", "B", "C", "D"], 1),
    (LONG * 4 + "Then", ["it rained", "they went home by the old road"], 1),
    (LONG + "At last", ["he spoke", "the war of the kings began again in the north"], 0),
    ("Größe und Maß: über den Fluß\u00a0\u2003 ", ["ging er", "läuft 東京 ☃", "é"], 1),
    ("<s> It begins", ["here", "there and everywhere"], 1),
    ("one two three four five", ["six", "seven", "eight", "nine", "ten"], 4),
]
CLOSE = [("The cat sat on the ", ["mat", "mountain", "moon and looked at us"], 0),
         ("Numbers: 1, 2, 3,", [" 4", " 5", "6"], 0), ("", ["Once upon a time", "Qxz"], 0),
         ("A line\n", ["and another", "\n\nand a gap"], 1), ("", ["<s> again", "and again"], 1)]
SEVERAL = [("The king was", ["old", "young", "a spoon"], [0, 1]),
           ("The sea is", ["green", "blue and deep", "made of wood"], [0, 1]),
           ("He said", ["yes", "no", "nothing at all of it"], [2])]
INSIDE = [(["The trophy is in the case because the trophy", "The trophy is in the case because the case"],
           "is small.", 0),
          (["Ann asked Mary because Ann ", "Ann asked Mary because Mary "], "knew the answer.", 1)]
COMMON = {"dataset_path": "json", "test_split": "test", "output_type": "multiple_choice",
          "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}]}
TASKS = {
    "plain": ([{"context": c, "choices": o, "answer": a} for c, o, a in PLAIN],
              {"doc_to_text": lambda d: d["context"], "doc_to_choice": "choices",
               "doc_to_target": "answer"}),
    "close": ([{"context": c, "choices": o, "answer": a} for c, o, a in CLOSE],
              {"doc_to_text": lambda d: d["context"], "doc_to_choice": "choices",
               "doc_to_target": "answer", "target_delimiter": ""}),
    "several": ([{"context": c, "choices": o, "answer": a} for c, o, a in SEVERAL],
                {"doc_to_text": lambda d: d["context"], "doc_to_choice": "choices",
                 "doc_to_target": "answer"}),
    "inside": ([{"contexts": c, "rest": r, "answer": a} for c, r, a in INSIDE],
               {"doc_to_text": lambda d: d["answer"], "doc_to_choice": "contexts",
                "doc_to_target": lambda d: d["rest"]}),
}


def make_model(folder, name):
    tokenizer, config, special = MODELS[name]
    torch.manual_seed(len(name))
    folder.mkdir(parents=True, exist_ok=True)
    model = transformers.AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    shutil.copy(TOKENIZERS / tokenizer / "tokenizer.json", folder)
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast", **special}))


def main():
    root = Path(sys.argv[1])
    items = root / "items"
    items.mkdir(parents=True, exist_ok=True)
    tasks = []
    for name, (docs, fields) in TASKS.items():
        (items / f"{name}.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in docs))
        tasks.append({**COMMON, **fields, "task": name,
                      "dataset_kwargs": {"data_files": {"test": str(items / f"{name}.jsonl")}}})
    golden = {"lm_eval": lm_eval.__version__}
    for name in MODELS:
        make_model(root / name, name)
        model = HFLM(pretrained=str(root / name), dtype="float32", device="cpu", batch_size=1)
        done = lm_eval.simple_evaluate(model=model, tasks=tasks, task_manager=TaskManager(),
                                       bootstrap_iters=0, log_samples=True)
        golden[name] = {task: {key.removesuffix(",none"): done["results"][task][key]
                               for key in ("acc,none", "acc_norm,none")} for task in TASKS}
        for task in TASKS:
            golden[name][task]["loglikelihoods"] = [
                [response[0][0] for response in sample["resps"]]
                for sample in sorted(done["samples"][task], key=lambda sample: sample["doc_id"])]
            with open(root / f"samples_{task}.jsonl", "w", encoding="utf-8") as log:
                for sample in done["samples"][task]:
                    sample = {key: sample[key] for key in ("doc_id", "doc", "target", "arguments",
                                                           "filter")}
                    sample["arguments"] = {
                        f"gen_args_{i}": {f"arg_{j}": text for j, text in enumerate(arguments)}
                        for i, arguments in enumerate(sample["arguments"])}
                    log.write(json.dumps(sample, ensure_ascii=False, default=str) + "\n")
        (root / name / "tokenizer.json").unlink()
    shutil.rmtree(items)
    (root / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
