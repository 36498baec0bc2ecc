#!/usr/bin/python3
"""How long a run takes to stop: from SIGUSR1 to mpirun, at random moments, to exit status 75.

    benchmarks/stop_latency.py PROGRAM [--ranks N] [--times T] [--after S] [-- request]

Each run begins anew and is asked to stop between S/10 and S seconds (default 60) after its first
line. Prints one JSON line: all latencies, and the longest. Without a request: `analyze` on one block
of LLaMA-70B, synthetic.
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from program import ENVIRONMENT


def stopped(command, moment):
    """Seconds from the request to the end; nothing when the run was quicker."""
    with subprocess.Popen([str(word) for word in command], env={**os.environ, **ENVIRONMENT},
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "GFLOP/s a rank" in line:
                break
        time.sleep(moment)
        process.send_signal(signal.SIGUSR1)
        begin = time.monotonic()
        said = process.stderr.read()
        status = process.wait()
        seconds = time.monotonic() - begin
    if status not in (0, 75):
        raise SystemExit(f"exit status {status} instead of 75:\n{said}")
    return seconds if status == 75 else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--after", type=float, default=60)
    words = sys.argv[1:]
    request = ["analyze", "--model", "70b", "--synthetic", "--blocks", "0"]
    if "--" in words:
        words, request = words[:words.index("--")], words[words.index("--") + 1:]
    arguments = parser.parse_args(words)
    choose = random.Random(1)
    latencies = []
    for _ in range(arguments.times):
        moment = choose.uniform(arguments.after / 10, arguments.after)
        with tempfile.TemporaryDirectory() as folder:
            latencies.append(stopped(["mpirun", "-n", arguments.ranks, arguments.program, *request,
                                      "--output", f"{folder}/out"], moment))
    known = [latency for latency in latencies if latency is not None]
    print(json.dumps({"request": request, "ranks": arguments.ranks, "stopped": len(known),
                      "longest_seconds": max(known, default=None), "seconds": latencies}))


if __name__ == "__main__":
    main()
