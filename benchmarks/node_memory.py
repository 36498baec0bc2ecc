#!/usr/bin/env python3
"""Memory of the ranks of a node during a run, beside what the program plans.

    benchmarks/node_memory.py PROGRAM --ranks N -- OPTIONS OF run

Shared memory counts once: a rank's part is its proportional set size (Pss). Beside it stands what the
program itself has seen, in the rank that took most, and without the process that watches over it.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

from program import ENVIRONMENT, start


def pss_of(process):
    """Bytes; 0 of a process that has ended."""
    try:
        text = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.M)
    return int(found.group(1)) * 1024 if found else 0


def descendants(process):
    """Of a process, all of them: a rank has a process that watches over it."""
    parents = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(
                (folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def watched(command, environment):
    """Runs it: the largest sum of its ranks' memory at one time."""
    most = 0
    with tempfile.TemporaryFile("w+") as printed:
        with subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT,
                              env=environment) as running:
            while running.poll() is None:
                most = max(most, sum(map(pss_of, descendants(running.pid))))
                time.sleep(0.02)
        printed.seek(0)
        if running.returncode != 0:
            raise SystemExit(printed.read())
    return most


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("options", nargs="+")
    asked = parser.parse_args()
    program = asked.program.resolve()
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "out"
        command = ["mpirun", "-n", str(asked.ranks), str(program), *asked.options, "--output",
                   str(output)]
        most = watched(command, {**os.environ, **ENVIRONMENT})
        plan = pathlib.Path(folder) / "plan.json"
        start([program, "plan", *asked.options, "--ranks", asked.ranks, "--ranks-per-node",
               asked.ranks, "--json", plan])
        planned = json.loads(plan.read_text())["memory_per_rank"]
        report = json.loads((output / "report.json").read_text())
    print(json.dumps({
        "planned_mb": round(planned / 1e6, 1),
        "pss_mb_per_rank": round(most / asked.ranks / 1e6, 1),
        "measured_over_planned": round(most / asked.ranks / planned, 3),
        "reported_mb": round(report["run"]["peak_memory"] / 1e6, 1),
        "seconds": round(report["run"]["seconds"], 1)}))


if __name__ == "__main__":
    main()
