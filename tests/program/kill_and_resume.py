#!/usr/bin/env python3
"""Kills runs at random moments, resumes them on other numbers of ranks, and compares what comes out
with an uninterrupted run, byte for byte.

    kill_and_resume.py ROUNDS [--seed N]

Each round kills the run several times, with SIGKILL, or stops it with a signal, and then lets it
end. The same seed gives the same requests, rank counts and moments (the machine's speed decides what
the program was doing then). Exit status 0: all rounds gave the same bytes.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import BOOKS, MPIEXEC, PROGRAM, processes_with, ranks_with, workers_with  # noqa: E402
from test_types import buffers, with_tensors  # noqa: E402

CALIBRATION = ["--calibration", BOOKS / "calibration.npy", "--nsamples", "8", "--seqlen", "128"]
EVALUATION = "evaluation.npy"  # some windows of the whole one, in the folder of the rounds
MODEL = "model"  # the embedded one with buffers of every type, there too
# A request, and whether its bytes hang on the number of ranks.
REQUESTS = {
    "magnitude": (["--sparsity-ratio", "0.6"], False),
    "both formats": (["--format", "hdf5", "--format", "safetensors"], False),
    "2:4": (["--sparsity-type", "2:4"], False),
    "farms": (["--metric", "alpha_peak_farms"], False),
    "wanda": (["--prune-method", "wanda", *CALIBRATION], False),
    "owl": (["--prune-method", "wanda", "--allocation", "owl", *CALIBRATION], False),
    "sparsegpt": (["--prune-method", "sparsegpt", *CALIBRATION], True),
    "targets": (["--recipe", "best", *CALIBRATION], False),
    "search": (["--prune-method", "wanda", "--allocation", "search", "--search-evaluations", "4",
                *CALIBRATION], False),
    "evaluated": (["--eval", EVALUATION, "--prune-method", "wanda", *CALIBRATION], False),
}
LONGEST = 120  # seconds of a run that nobody kills
HANG = 30      # seconds after a signal


class Run:
    """The program on some ranks, in a session of its own so that nothing outlives it unseen."""

    def __init__(self, options, output, ranks, resume):
        self.output = output
        self.mark = f"--output={output}"
        command = [MPIEXEC, "-n", str(ranks), PROGRAM, "--model", MODEL, self.mark, *options]
        command += ["--resume"] if resume else []
        self.log = open(f"{output}.log", "a", encoding="utf-8")
        self.said_before = self.log.tell()
        self.process = subprocess.Popen([str(word) for word in command], stdout=self.log,
                                        stderr=self.log, start_new_session=True, cwd=output.parent,
                                        env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})

    def signal(self, number, whom):
        """To all processes and mpirun, or to that of one rank: which works, or which was started."""
        targets = {"all": [*processes_with(self.mark), self.process.pid],
                   "one": ranks_with(self.mark)[-1:],
                   "started": list(workers_with(self.mark).values())[:1]}[whom]
        for pid in targets:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def wait(self, seconds):
        """The exit status; nothing when it hangs."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        end = time.monotonic() + HANG
        while processes_with(self.mark):
            if time.monotonic() > end:
                return None
            time.sleep(0.02)
        return status

    def has_said(self, words):
        """Whether this run, of all that write the same log, has said that."""
        return words in pathlib.Path(self.log.name).read_text(encoding="utf-8")[self.said_before:]

    def close(self):
        self.signal(signal.SIGKILL, "all")
        self.process.wait()
        self.log.close()


def checkpoint(output):
    """The bytes of everything that must not differ, by name."""
    files = [output / "checkpoint.h5", *sorted(output.glob("hf/*")), *sorted(output.glob("metrics/*"))]
    contents = {str(path.relative_to(output)): path.read_bytes() for path in files}
    report = json.loads((output / "report.json").read_text())
    for matrix in report["matrices"]:
        for varying in ("seconds", "group_ranks"):
            matrix.pop(varying)
    contents["matrices"] = json.dumps(report["matrices"]).encode()
    contents["notes"] = json.dumps(report["notes"]).encode()
    contents["perplexity"] = json.dumps(report["perplexity"]).encode()
    return contents


class Rounds:
    def __init__(self, folder, seed):
        self.folder = folder
        self.random = random.Random(seed)
        self.whole = {}  # bytes and seconds of uninterrupted runs
        self.kills = 0
        self.stops = 0
        self.slowest = 0.0
        with_tensors(shutil.copytree(BOOKS, folder / MODEL), buffers())
        numpy.save(folder / EVALUATION, numpy.load(BOOKS / "eval.npy").ravel()[:24 * 128])

    def uninterrupted(self, name, ranks):
        options, hangs_on_ranks = REQUESTS[name]
        key = (name, ranks if hangs_on_ranks else 0)
        if key not in self.whole:
            output = self.folder / "whole"
            start = time.monotonic()
            run = Run(options, output, ranks, False)
            status = run.wait(LONGEST)
            run.close()
            if status != 0:
                raise RuntimeError(f"an uninterrupted run failed ({status}):\n" + self.log(output))
            self.whole[key] = checkpoint(output), time.monotonic() - start
            shutil.rmtree(output)
        return self.whole[key]

    @staticmethod
    def log(output):
        return pathlib.Path(f"{output}.log").read_text(encoding="utf-8")[-4000:]

    def interrupt(self, run, seconds):
        """Kills or stops the run at a random moment. False: it has hung."""
        moment = self.random.uniform(0.05, 1.1) * seconds
        kind = self.random.choice(["kill all", "kill all", "kill one", "kill started", "stop one",
                                   "stop started", "stop all"])
        if run.wait(moment) is not None:
            return True  # it was quicker
        start = time.monotonic()
        if kind.startswith("kill"):
            run.signal(signal.SIGKILL, kind.split()[1])
            self.kills += 1
        elif kind == "stop all":
            run.process.send_signal(signal.SIGUSR1)  # mpirun hands it on
            self.stops += 1
        else:
            run.signal(self.random.choice([signal.SIGTERM, signal.SIGUSR1, signal.SIGINT]),
                       kind.split()[1])
            self.stops += 1
        status = run.wait(HANG)
        if status is None:
            return self.wrong(f"hung for {HANG} s after: {kind}")
        self.slowest = max(self.slowest, time.monotonic() - start)
        # Before the program has begun, a signal ends it, or mpirun, as any other; mpirun also after
        # the program is done.
        if kind.startswith("stop") and status not in (0, 75) and run.has_said("GFLOP/s a rank") and not (
                kind == "stop all" and status == -signal.SIGUSR1 and run.has_said("\ndone in ")):
            return self.wrong(f"exit status {status} after: {kind}")
        return True

    @staticmethod
    def wrong(text):
        print(text, file=sys.stderr)
        return False

    def round(self, number):
        """One run with some interruptions. False: something was wrong."""
        name = self.random.choice(list(REQUESTS))
        options, hangs_on_ranks = REQUESTS[name]
        counts = [1, 2, 3, 4]
        ranks = self.random.choice(counts)
        expected, seconds = self.uninterrupted(name, ranks)
        output = self.folder / f"round-{number}"
        for _ in range(self.random.randint(1, 4)):
            if not hangs_on_ranks:
                ranks = self.random.choice(counts)
            run = Run(options, output, ranks, True)
            sound = self.interrupt(run, seconds)
            run.close()
            if not sound:
                print(self.log(output), file=sys.stderr)
                return False
        run = Run(options, output, ranks, True)
        status = run.wait(LONGEST)
        run.close()
        if status != 0:
            print(f"round {number}, {name}: resuming ended with {status}\n{self.log(output)}",
                  file=sys.stderr)
            return False
        found = checkpoint(output)
        wrong = [file for file in expected if found.get(file) != expected[file]]
        left = [path.name for path in output.iterdir()
                if path.name == "journal" or path.name.endswith(".partial")]
        if wrong or left or found.keys() != expected.keys():
            print(f"round {number}, {name}: different: {wrong}; left over: {left}\n"
                  f"{self.log(output)}", file=sys.stderr)
            return False
        shutil.rmtree(output)
        os.remove(f"{output}.log")
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rounds", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the folder of a failed round")
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="alphaprune-kill-"))
    rounds = Rounds(folder, arguments.seed)
    start = time.monotonic()
    good = 0
    for number in range(arguments.rounds):
        good += rounds.round(number)
        if number + 1 - good > 3:
            break
    print(f"{good} of {arguments.rounds} rounds gave the same bytes; {rounds.kills} kills, "
          f"{rounds.stops} stops, the slowest was over after {rounds.slowest:.1f} s; "
          f"{time.monotonic() - start:.0f} s in all (seed {arguments.seed})")
    if good == arguments.rounds or not arguments.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"left in {folder}")
    return 0 if good == arguments.rounds else 1


if __name__ == "__main__":
    sys.exit(main())
