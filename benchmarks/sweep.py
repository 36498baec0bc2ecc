#!/usr/bin/env python3
"""What a sweep costs beside the single runs that it stands for, and whether it gives their bits.

    benchmarks/sweep.py PROGRAM [--ranks N] [--repeat R] [--windows W] [--nsamples N] [--methods A,B,C]

On books-7m, 3 sparsity ratios, 3 methods and 3 allocations: 27 single runs with --eval and the sweep over them, in
turn, R times. Prints one JSON line. `ratio` is the time of the sweep over its limit: that of the single runs, less all
but one of their dense evaluations and spectrum passes (of an evaluation of both models half is the dense one's). These
are seconds that the program counts itself, without the start of MPI, of which the sweep needs one instead of 27. As a
machine that others use is not always equally fast, each run, in the sweep and alone, and what the sweep does beside its
runs counts with its least time of the R. `command_ratio` is the least time of the sweep's command over the least times
of the single commands, less the same. `equal_checkpoints` of the runs have the same file, byte for byte, as in the sweep.
"""
import argparse
import itertools
import json
import os
import pathlib
import shutil
import tempfile
import time

import numpy

from program import start

BOOKS = pathlib.Path(__file__).resolve().parents[1] / "data" / "books-7m"
RATIOS = ("0.5", "0.6", "0.7")
ALLOCATIONS = ("uniform", "alphapruning", "linear_depth")


class Least:
    """The least of the numbers given for each name."""

    def __init__(self):
        self.of = {}

    def take(self, name, number):
        self.of[name] = min(number, self.of.get(name, number))

    def total(self):
        return sum(self.of.values())


def timed(command):
    begin = time.monotonic()
    start(command)
    return time.monotonic() - begin


def run_of(folder, report="report.json"):
    return json.loads((folder / report).read_text())["run"]


class Measurement:
    def __init__(self, arguments, folder):
        self.folder = folder
        text = folder / "eval.npy"
        numpy.save(text, numpy.load(BOOKS / "eval.npy").ravel()[:arguments.windows * 128])
        self.command = ["mpirun", "-n", arguments.ranks, arguments.program]
        self.common = ["--model", BOOKS, "--calibration", BOOKS / "calibration.npy", "--nsamples",
                       arguments.nsamples, "--seqlen", 128, "--eval", text]
        self.methods = arguments.methods.split(",")
        self.sweep_command, self.sweep_rest, self.points = Least(), Least(), Least()
        self.commands, self.runs, self.dense, self.spectra = Least(), Least(), Least(), Least()
        self.equal = set()

    def names(self):
        return itertools.product(self.methods, ALLOCATIONS, RATIOS)

    def sweep(self):
        output = self.folder / "swept"
        shutil.rmtree(output, ignore_errors=True)
        self.sweep_command.take("", timed(
            [*self.command, "sweep", *self.common, "--output", output, "--keep", "all",
             "--prune-method", ",".join(self.methods), "--allocation", ",".join(ALLOCATIONS),
             "--sparsity-ratio", ",".join(RATIOS)]))
        rest = run_of(output, "sweep.json")["seconds"]
        for name in map("-".join, self.names()):
            seconds = run_of(output / name)["seconds"]
            self.points.take(name, seconds)
            rest -= seconds
        self.sweep_rest.take("", rest)

    def single(self, method, allocation, ratio):
        name = f"{method}-{allocation}-{ratio}"
        output = self.folder / name
        self.commands.take(name, timed(
            [*self.command, *self.common, "--output", output, "--prune-method", method,
             "--allocation", allocation, "--sparsity-ratio", ratio]))
        run = run_of(output)
        self.runs.take(name, run["seconds"])
        self.dense.take(name, run["phases"]["evaluate"] / 2)
        if "spectrum" in run["phases"]:
            self.spectra.take(name, run["phases"]["spectrum"])
        one, point = (folder / "checkpoint.h5" for folder in (output, self.folder / "swept" / name))
        if one.read_bytes() == point.read_bytes():
            self.equal.add(name)
        shutil.rmtree(output)

    def figures(self):
        shared = sum(least.total() - max(least.of.values()) for least in (self.dense, self.spectra))
        sweep = self.points.total() + self.sweep_rest.total()
        return {"runs": len(self.runs.of), "methods": self.methods, "sweep_seconds": sweep,
                "of_them_beside_runs": self.sweep_rest.total(), "single_seconds": self.runs.total(),
                "shared_seconds": shared, "ratio": sweep / (self.runs.total() - shared),
                "sweep_command": self.sweep_command.total(),
                "single_commands": self.commands.total(),
                "command_ratio": self.sweep_command.total() / (self.commands.total() - shared),
                "equal_checkpoints": len(self.equal)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--windows", type=int, default=64, help="of 128 tokens, to evaluate on")
    parser.add_argument("--nsamples", type=int, default=16)
    parser.add_argument("--methods", default="wanda,sparsegpt,alps")
    arguments = parser.parse_args()
    os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
    with tempfile.TemporaryDirectory() as folder:
        measurement = Measurement(arguments, pathlib.Path(folder))
        for _ in range(arguments.repeat):
            measurement.sweep()
            for names in measurement.names():
                measurement.single(*names)
        print(json.dumps({"ranks": arguments.ranks, "windows": arguments.windows,
                          "nsamples": arguments.nsamples, **measurement.figures()}))


if __name__ == "__main__":
    main()
