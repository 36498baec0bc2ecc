#!/usr/bin/env python3
"""What a sweep costs beside the single runs that it stands for, and whether it gives their bits.

    benchmarks/sweep.py PROGRAM [--ranks N] [--windows W] [--nsamples N] [--methods A,B,C]

On books-7m, 3 sparsity ratios, 3 methods and 3 allocations: 27 single runs with --eval, and the sweep over them. Prints
one JSON line. The sweep is run before the single runs and after them, as a machine that others use is not always equally
fast, and the mean counts. `ratio` is the time of the sweep's command over the limit: the commands of the single runs, less all but
one of their dense evaluations and spectrum passes; `program_ratio` the same of the seconds that the program
counts itself, without the starts of MPI, of which the sweep needs one instead of 27. Of an evaluation of both models
half is the dense one's. `equal_checkpoints` of the runs have the same file, byte for byte, as in the sweep.
"""
import argparse
import itertools
import json
import os
import pathlib
import tempfile
import time

import numpy

from program import start

BOOKS = pathlib.Path(__file__).resolve().parents[1] / "data" / "books-7m"
RATIOS = ("0.5", "0.6", "0.7")
ALLOCATIONS = ("uniform", "alphapruning", "linear_depth")


def timed(command):
    begin = time.monotonic()
    start(command)
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--windows", type=int, default=64, help="of 128 tokens, to evaluate on")
    parser.add_argument("--nsamples", type=int, default=16)
    parser.add_argument("--methods", default="wanda,sparsegpt,alps")
    arguments = parser.parse_args()
    os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
    methods = arguments.methods.split(",")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        text = folder / "eval.npy"
        numpy.save(text, numpy.load(BOOKS / "eval.npy").ravel()[:arguments.windows * 128])
        common = ["--model", BOOKS, "--calibration", BOOKS / "calibration.npy", "--nsamples",
                  arguments.nsamples, "--seqlen", 128, "--eval", text]
        command = ["mpirun", "-n", arguments.ranks, arguments.program]
        swept = folder / "swept"
        sweeps = []

        def sweep(*more):
            seconds = timed([*command, "sweep", *common, "--output", swept, "--keep", "all",
                             "--prune-method", ",".join(methods), "--allocation",
                             ",".join(ALLOCATIONS), "--sparsity-ratio", ",".join(RATIOS), *more])
            run = json.loads((swept / "sweep.json").read_text())["run"]
            sweeps.append((seconds, run["seconds"]))

        sweep()
        runs, equal = [], 0
        for method, allocation, ratio in itertools.product(methods, ALLOCATIONS, RATIOS):
            name = f"{method}-{allocation}-{ratio}"
            seconds = timed([*command, *common, "--output", folder / name, "--prune-method", method,
                             "--allocation", allocation, "--sparsity-ratio", ratio])
            runs.append((seconds, json.loads((folder / name / "report.json").read_text())["run"]))
            one, point = (folder / name / "checkpoint.h5", swept / name / "checkpoint.h5")
            equal += one.read_bytes() == point.read_bytes()
            one.unlink()
        sweep("--overwrite")
        sweep_seconds, sweep_program = (sum(column) / len(sweeps) for column in zip(*sweeps))
        dense = [run["phases"]["evaluate"] / 2 for _, run in runs]
        spectra = [run["phases"]["spectrum"] for _, run in runs if "spectrum" in run["phases"]]
        shared = sum(dense) + sum(spectra) - max(dense) - max(spectra)
        commands = sum(seconds for seconds, _ in runs)
        program = sum(run["seconds"] for _, run in runs)
        print(json.dumps({
            "runs": len(runs), "ranks": arguments.ranks, "windows": arguments.windows,
            "methods": methods, "sweeps": sweeps, "sweep_seconds": sweep_seconds, "single_seconds": commands,
            "shared_seconds": shared, "ratio": sweep_seconds / (commands - shared),
            "sweep_program_seconds": sweep_program, "single_program_seconds": program,
            "program_ratio": sweep_program / (program - shared),
            "of_single_runs": sweep_seconds / commands, "equal_checkpoints": equal}))


if __name__ == "__main__":
    main()
