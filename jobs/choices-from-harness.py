#!/usr/bin/env python3
"""Turns multiple-choice tasks of lm-evaluation-harness into the files that `evaluate --choices` reads.

    choices-from-harness.py --task hellaswag [--num-fewshot N] [--limit N] >hellaswag.jsonl
    choices-from-harness.py --samples samples_hellaswag_….jsonl >hellaswag.jsonl

With --task the harness (lm_eval) builds the items itself, with the examples of --num-fewshot before them;
without a network it needs the task's data in the cache of the library `datasets` (HF_DATASETS_OFFLINE=1).
With --samples nothing but the log of a run of the harness is needed (lm_eval --log_samples, also with
--model dummy); a space before every choice is then taken for what separates it from its context."""
import argparse
import json
import sys


def item_of(requests, choices, answer):
    """An item for `evaluate --choices`.

    requests: (context, continuation) of each choice; choices: their texts, by whose lengths acc_norm
    divides; answer: a number, or a list of them."""
    contexts = [context for context, _ in requests]
    continuations = [continuation for _, continuation in requests]
    item = {"context": contexts[0] if len(set(contexts)) == 1 else contexts, "choices": list(choices),
            "answer": answer}
    delimiters = {continuation[:len(continuation) - len(choice)]
                  for choice, continuation in zip(choices, continuations, strict=True)
                  if continuation.endswith(choice)}
    if isinstance(item["context"], list):
        item.update(delimiter="", continuation=continuations[0])
        if len(set(continuations)) != 1:
            raise ValueError("both contexts and continuations differ")
    elif len(delimiters) == 1 and all(map(str.endswith, continuations, choices)):
        item["delimiter"] = delimiters.pop()
    else:
        raise ValueError("the continuations do not end with the choices")
    return item


def without_unconditional(requests):
    """The harness adds a request without context for each choice where it measures acc_mutual_info."""
    half = len(requests) // 2
    if (len(requests) % 2 == 0 and half > 0 and all(not context for context, _ in requests[half:])
            and [text for _, text in requests[:half]] == [text for _, text in requests[half:]]
            and any(context for context, _ in requests[:half])):
        return requests[:half]
    return requests


def number_of(answer, choices):
    """The harness' answer, a number or the text of a choice, as a number."""
    if isinstance(answer, (list, tuple)):
        return [number_of(one, choices) for one in answer]
    if isinstance(answer, str) and answer in choices:
        return choices.index(answer)
    return int(answer)


def items_of_task(arguments):
    from lm_eval.tasks import TaskManager  # here: --samples works without the harness

    loaded = TaskManager(include_path=arguments.include_path).load(arguments.task)
    tasks = loaded["tasks"] if "tasks" in loaded else loaded
    if len(tasks) != 1:
        sys.exit(f"{arguments.task} is a group of {len(tasks)} tasks: name one of {', '.join(tasks)}")
    (task,) = tasks.values()
    if task.OUTPUT_TYPE != "multiple_choice":
        sys.exit(f"{arguments.task} is no multiple-choice task, but {task.OUTPUT_TYPE}")
    if arguments.num_fewshot is not None:
        task.set_config(key="num_fewshot", value=arguments.num_fewshot)
    task.set_fewshot_seed(seed=1234)  # the harness' own
    task.build_all_requests(limit=arguments.limit, rank=0, world_size=1)
    documents = {}
    for instance in task.instances:
        documents.setdefault(instance.doc_id, (instance.doc, []))[1].append(instance.args[:2])
    for document, requests in documents.values():
        choices = task.doc_to_choice(document)
        answer = (task.doc_to_text if task.multiple_input else task.doc_to_target)(document)
        yield item_of(requests[:len(choices)], choices, number_of(answer, choices))


def items_of_samples(arguments):
    seen = set()
    with open(arguments.samples, encoding="utf-8") as log:
        for line in log:
            sample = json.loads(line)
            if sample["doc_id"] in seen:  # once for each filter
                continue
            seen.add(sample["doc_id"])
            requests = without_unconditional(
                [(one["arg_0"], one["arg_1"]) for one in sample["arguments"].values()])
            if len({context for context, _ in requests}) > 1:  # the answer is not in the log
                choices = [context for context, _ in requests]
                answer = sample["doc"][arguments.answer or "answer"]
            else:
                space = all(text.startswith(" ") for _, text in requests)
                choices = [text[1:] if space else text for _, text in requests]
                answer = sample["doc"][arguments.answer] if arguments.answer else sample["target"]
            if isinstance(answer, str) and answer.startswith("["):
                answer = json.loads(answer)
            yield item_of(requests, choices, number_of(answer, choices))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--task", help="name of a task that the installed harness knows")
    source.add_argument("--samples", help="samples_….jsonl of lm_eval --log_samples")
    parser.add_argument("--include-path", help="folder of further tasks (with --task)")
    parser.add_argument("--num-fewshot", type=int, help="examples before each item (with --task)")
    parser.add_argument("--limit", type=int, help="only so many items (with --task)")
    parser.add_argument("--answer", help="member of a document that numbers the right choice from 0 "
                                         "(with --samples; default: the logged target)")
    arguments = parser.parse_args()
    for item in (items_of_task if arguments.task else items_of_samples)(arguments):
        print(json.dumps(item, ensure_ascii=False))


if __name__ == "__main__":
    main()
