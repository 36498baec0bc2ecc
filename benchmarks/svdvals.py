#!/usr/bin/python3
"""One LLaMA-7B block: this program against what users run today, torch.linalg.svdvals in float32.

    benchmarks/svdvals.py PROGRAM [--ranks N] [--repeat R]

Runs in turn, R times: torch.linalg.svdvals over the block's matrices (4 x 4096², 3 x 4096 x 11008)
with as many threads as there are ranks; `analyze` on N ranks in float64; `analyze --precision auto
--metric alpha_mid`. Prints one JSON line with the best seconds of each and the ratios. The
program's seconds are those of its spectrum phase: making the synthetic weights, Gram products,
eigenvalues, metrics. Torch's weights are made beforehand and not counted. Needs python3-torch.
"""
import argparse
import ctypes
import json
import os
import pathlib
import sys
import time

from program import run_program

SHAPES = 4 * [(4096, 4096)] + 2 * [(11008, 4096)] + [(4096, 11008)]


def give_torch_the_kernels_of_the_program():
    """Where OpenBLAS does not know the processor, the program tells it which kernels to take, and torch does not."""
    try:
        core_name = ctypes.CDLL("libblas.so.3").openblas_get_corename
    except (OSError, AttributeError):  # another BLAS
        return
    core_name.restype = ctypes.c_char_p
    knows = core_name() not in (b"Prescott", b"Core2", b"Penryn", b"Nehalem", b"Barcelona", b"Atom")
    if knows or "OPENBLAS_CORETYPE" in os.environ:
        return
    core = "SkylakeX" if "avx512bw" in pathlib.Path("/proc/cpuinfo").read_text() else "Haswell"
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OPENBLAS_CORETYPE": core})


def torch_seconds(threads):
    import torch  # after OpenBLAS has been told

    torch.set_num_threads(threads)
    total = 0.0
    for rows, cols in SHAPES:
        weights = torch.randn(rows, cols)
        begin = time.monotonic()
        torch.linalg.svdvals(weights)
        total += time.monotonic() - begin
    return total


def our_seconds(program, ranks, more):
    report, _ = run_program(program, ranks, ["analyze", "--model", "7b", "--synthetic",
                                             "--blocks", "0", *more])
    return report["run"]["phases"]["spectrum"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=2)
    arguments = parser.parse_args()
    give_torch_the_kernels_of_the_program()
    ranks = arguments.ranks
    runs = []
    for _ in range(arguments.repeat):
        runs.append((our_seconds(arguments.program, ranks, []),
                     our_seconds(arguments.program, ranks,
                                 ["--precision", "auto", "--metric", "alpha_mid"]),
                     torch_seconds(ranks)))
    double, auto, svdvals = (min(column) for column in zip(*runs))
    print(json.dumps({"ranks": ranks, "double_seconds": double, "auto_seconds": auto,
                      "svdvals_seconds": svdvals, "double_ratio": svdvals / double,
                      "auto_ratio": svdvals / auto}))


if __name__ == "__main__":
    main()
