#!/usr/bin/env python3
"""Perplexities of the embedded model after pruning, beside those of the published code.

    benchmarks/reference_perplexities.py PROGRAM [--ranks N] [--jobs N] [--only TEXT]

Runs the program for every entry of books-7m-reference.json (magnitude, Wanda, SparseGPT,
unstructured and 2:4) and books-7m-alps-targets.json (ALPS, ADMM, targets), both in
tests/data/reference, prints one JSON line for each (method, allocation, sparsity, perplexity,
reference, difference as a share) and a table at the end. About a minute a line on two cores. Only
Python's standard library is used.
"""
import concurrent.futures
import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = ROOT / "data" / "books-7m"
REFERENCE = ROOT / "tests" / "data" / "reference"
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1"}


def entries():
    """Of both tables in one form: method, targets (λ = μ), allocation, epsilon, sparsity, value."""
    plain = json.loads((REFERENCE / "books-7m-reference.json").read_text())["perplexity"][1:]
    found = [{"method": one["method"], "target": 0.0, "allocation": one["allocation"],
              "epsilon": one.get("epsilon"), "sparsity": one["sparsity"],
              "reference": one["ppl"]["pride"]} for one in plain]
    for one in json.loads((REFERENCE / "books-7m-alps-targets.json").read_text()):
        method, _, target = one["method"].partition("+targets")
        allocation, _, width = one["allocation"].partition(".")
        found.append({"method": method, "target": float(target[:2] or 0), "allocation": allocation,
                      "epsilon": float("0." + width) if width else None, "sparsity": one["S"],
                      "reference": one["ppl"]["pride"]})
    return found


def options_of(entry):
    options = ["--prune-method", entry["method"]]
    if entry["method"] == "magnitude":
        options += ["--ties", "inclusive"] if entry["allocation"] != "2:4" else []
    else:
        options += ["--calibration", DATA / "calibration.npy"]
    if entry["target"]:
        options += ["--dense-target", entry["target"], "--residual-target", entry["target"],
                    "--site-order", "sequential"]
    if entry["allocation"] == "2:4":
        return options + ["--sparsity-type", "2:4"]
    options += ["--sparsity-ratio", entry["sparsity"]]
    if entry["allocation"] == "uniform":
        return options + ["--allocation", "uniform"]
    if entry["allocation"] == "dlp":
        return options + ["--allocation", "dlp", "--dlp-alpha", entry["epsilon"]]
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


def name_of(entry):
    targets = f"+targets{entry['target']:g}" if entry["target"] else ""
    return f"{entry['method']}{targets} {entry['allocation']} {entry['epsilon'] or '-'} " \
           f"{entry['sparsity']}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--only", default="", help="entries whose name holds this text")
    arguments = parser.parse_args()

    def measure(entry):
        ours = perplexity(arguments.program, arguments.ranks, entry)
        line = {**entry, "perplexity": ours, "difference": ours / entry["reference"] - 1}
        print(json.dumps(line), flush=True)
        return line

    chosen = [entry for entry in entries() if arguments.only in name_of(entry)]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        lines = list(pool.map(measure, chosen))
    print(f"\n{'method, allocation, epsilon, ratio':38} {'perplexity':>11} {'published':>11} "
          f"{'differs':>8}")
    for line in lines:
        print(f"{name_of(line):38} {line['perplexity']:11.2f} {line['reference']:11.2f} "
              f"{100 * line['difference']:7.2f}%")


if __name__ == "__main__":
    main()
