#!/usr/bin/python3
"""How much faster `analyze` is on several ranks than on one.

    benchmarks/rank_speedup.py PROGRAM [--ranks N] [--repeat R] [-- options of analyze]

Runs `analyze` on 1 and on N ranks in turn, R times each, and prints one JSON line: the best seconds
of the spectrum phase (from report.json) and of the whole command, their ratios, and the parallel
efficiency of the phase. Without options of analyze: one block of LLaMA-7B, synthetic.
"""
import argparse
import json
import sys

from program import run_program


def seconds(program, ranks, options):
    report, whole = run_program(program, ranks, ["analyze", *options])
    return report["run"]["phases"]["spectrum"], whole


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    words, options = sys.argv[1:], ["--model", "7b", "--synthetic", "--blocks", "0"]
    if "--" in words:
        words, options = words[:words.index("--")], words[words.index("--") + 1:]
    arguments = parser.parse_args(words)
    runs = {1: [], arguments.ranks: []}
    for _ in range(arguments.repeat):
        for ranks in runs:
            runs[ranks].append(seconds(arguments.program, ranks, options))
    one, many = ([min(column) for column in zip(*runs[ranks])] for ranks in (1, arguments.ranks))
    print(json.dumps({"options": options, "ranks": arguments.ranks,
                      "spectrum_seconds": [one[0], many[0]], "spectrum_ratio": one[0] / many[0],
                      "efficiency": one[0] / many[0] / arguments.ranks,
                      "command_seconds": [one[1], many[1]], "command_ratio": one[1] / many[1]}))


if __name__ == "__main__":
    main()
