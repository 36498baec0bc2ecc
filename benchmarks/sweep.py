#!/usr/bin/env python3
"""What a sweep costs beside the single runs that it stands for, and whether it gives their bits.

    benchmarks/sweep.py PROGRAM [--ranks N] [--repeat R] [--windows W] [--nsamples N] [--methods A,B,C]

On books-7m, 3 sparsity ratios, 3 methods and 3 allocations: 27 single runs with --eval and the sweep over them, in
turn, R times. Prints one JSON line. `processor_ratio` is what the sweep's command takes of the processors over the
limit: what the commands of the single runs take, less all but one of their dense evaluations, spectrum passes and
passes for the scores of OWL (of an evaluation of both models half is the dense one's; of the user seconds of a run as
much as of its seconds). System
seconds do not count: they are those in which a rank that waits yields its core, and grow with whatever else the machine
does. `ratio` is the same of the seconds that the program counts itself, without the start of MPI, of which the
sweep needs one instead of 27; it is to be trusted on a quiet machine only. Each run, in the sweep and
alone, and what the sweep does beside its runs count with their least of the R times. `equal_checkpoints` of the runs
have the same file, byte for byte, as in the sweep.
"""
import argparse
import itertools
import json
import os
import pathlib
import resource
import shutil
import tempfile

import numpy

from program import start

BOOKS = pathlib.Path(__file__).resolve().parents[1] / "data" / "books-7m"
RATIOS = ("0.5", "0.6", "0.7")
ALLOCATIONS = ("uniform", "alphapruning", "owl")
#: Phases that runs alone repeat, and the runs of a sweep do not.
REPEATED = ("spectrum", "outliers")


class Least:
    """The least of the numbers given for each name."""

    def __init__(self):
        self.of = {}

    def take(self, name, number):
        self.of[name] = min(number, self.of.get(name, number))

    def total(self):
        return sum(self.of.values())


def user_seconds(command):
    """Of all processes of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    start(command)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


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
        self.sweep_user, self.sweep_rest, self.points = Least(), Least(), Least()
        self.user, self.runs = Least(), Least()
        self.repeated = {part: Least() for part in ("dense", *REPEATED)}
        self.repeated_user = {part: Least() for part in self.repeated}
        self.equal = set()

    def names(self):
        return itertools.product(self.methods, ALLOCATIONS, RATIOS)

    def sweep(self):
        output = self.folder / "swept"
        shutil.rmtree(output, ignore_errors=True)
        self.sweep_user.take("", user_seconds(
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
        user = user_seconds([*self.command, *self.common, "--output", output, "--prune-method",
                             method, "--allocation", allocation, "--sparsity-ratio", ratio])
        self.user.take(name, user)
        run = run_of(output)
        self.runs.take(name, run["seconds"])
        parts = {"dense": run["phases"]["evaluate"] / 2}
        parts |= {part: run["phases"][part] for part in REPEATED if part in run["phases"]}
        for part, seconds in parts.items():
            self.repeated[part].take(name, seconds)
            self.repeated_user[part].take(name, user * seconds / run["seconds"])
        one, point = (folder / "checkpoint.h5" for folder in (output, self.folder / "swept" / name))
        if one.read_bytes() == point.read_bytes():
            self.equal.add(name)
        shutil.rmtree(output)

    def figures(self):
        def shared_of(parts):
            return {name: part.total() - max(part.of.values()) for name, part in parts.items()}

        shared_parts = shared_of(self.repeated)
        shared = sum(shared_parts.values())
        shared_user = sum(shared_of(self.repeated_user).values())
        sweep = self.points.total() + self.sweep_rest.total()
        return {"runs": len(self.runs.of), "methods": self.methods, "sweep_seconds": sweep,
                "of_them_beside_runs": self.sweep_rest.total(), "single_seconds": self.runs.total(),
                "shared_seconds": shared, "shared_parts": shared_parts,
                "ratio": sweep / (self.runs.total() - shared),
                "sweep_user_seconds": self.sweep_user.total(),
                "single_user_seconds": self.user.total(), "shared_user_seconds": shared_user,
                "processor_ratio": self.sweep_user.total() / (self.user.total() - shared_user),
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
