#!/usr/bin/env python3
"""Perplexities of the embedded model after pruning, beside those of the published code.

    benchmarks/reference_perplexities.py PROGRAM [--ranks N] [--only TEXT]

Runs the program for every entry of tests/data/reference/books-7m-reference.json (three methods,
unstructured and 2:4), prints one JSON line for each (method, allocation, epsilon, sparsity,
perplexity, reference, difference as a share) and a table at the end. About a minute a line on two
cores. Only Python's standard library is used.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = ROOT / "data" / "books-7m"
REFERENCE = ROOT / "tests" / "data" / "reference" / "books-7m-reference.json"
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1"}


def options_of(entry):
    options = ["--prune-method", entry["method"]]
    if entry["method"] == "magnitude":
        options += ["--ties", "inclusive"] if entry["allocation"] != "2:4" else []
    else:
        options += ["--calibration", DATA / "calibration.npy"]
    if entry["allocation"] == "2:4":
        return options + ["--sparsity-type", "2:4"]
    options += ["--sparsity-ratio", entry["sparsity"]]
    if entry["allocation"] == "uniform":
        return options + ["--allocation", "uniform"]
    return options + ["--metric", entry["allocation"], "--epsilon", entry["epsilon"]]


def start(program, ranks, arguments):
    command = ["mpirun", "-n", str(ranks), program, *map(str, arguments)]
    done = subprocess.run(command, env={**os.environ, **ENVIRONMENT}, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def perplexity(program, ranks, entry):
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "out"
        start(program, ranks, ["--model", DATA, "--output", output, *options_of(entry)])
        text = start(program, ranks, ["evaluate", "--model", output / "checkpoint.h5",
                                      "--eval", DATA / "eval.npy"])
    return float(re.search(r"perplexity (\S+) \(", text.splitlines()[-1]).group(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--only", default="", help="entries whose name holds this text")
    arguments = parser.parse_args()
    lines = []
    for entry in json.loads(REFERENCE.read_text())["perplexity"][1:]:
        name = f"{entry['method']} {entry['allocation']} {entry.get('epsilon', '')} " \
               f"{entry['sparsity']}"
        if arguments.only not in name:
            continue
        ours = perplexity(arguments.program, arguments.ranks, entry)
        reference = entry["ppl"]["pride"]
        line = {"method": entry["method"], "allocation": entry["allocation"],
                "epsilon": entry.get("epsilon"), "sparsity": entry["sparsity"],
                "perplexity": ours, "reference": reference,
                "difference": ours / reference - 1}
        lines.append(line)
        print(json.dumps(line), flush=True)
    print(f"\n{'method':10} {'allocation':11} {'eps':>4} {'ratio':>5} "
          f"{'perplexity':>11} {'published':>11} {'differs':>8}")
    for line in lines:
        print(f"{line['method']:10} {line['allocation']:11} {line['epsilon'] or '-':>4} "
              f"{line['sparsity']:5} {line['perplexity']:11.2f} {line['reference']:11.2f} "
              f"{100 * line['difference']:7.2f}%")


if __name__ == "__main__":
    main()
