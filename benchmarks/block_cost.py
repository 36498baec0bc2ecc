#!/usr/bin/env python3
"""What a decoder block costs with ALPS and targets, and with SparseGPT: tables of their parts.

    benchmarks/block_cost.py BUILD_FOLDER [--hidden N] [--mlp N] [--ranks N]

Parts are measured on few rows and tokens and multiplied up where time is proportional to them: the
statistics by tokens, iterations and products by rows. Processor seconds of a rank, as they mean
something on a busy machine, too; GFLOP/s of SGEMM in the same run stand beside them.
"""
import argparse
import pathlib

from program import json_lines, start

TOKENS = 128 * 2048
ITERATIONS = 33      # of a matrix, the mean on SmolLM2-135M
FACTORIZATIONS = 13  # one for the minimizer, and at each penalty
PRODUCTS = 16        # as large as an iteration: targets, R, minimizer, 11 of refinement, errors


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--hidden", type=int, default=4096)
    parser.add_argument("--mlp", type=int, default=11008)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rows", type=int, default=512, help="measured on")
    return parser.parse_args()


def sites_of(hidden, mlp):
    """Name, width, rows of its matrices, rows that go to the residual stream."""
    return [("q, k, v", hidden, [hidden] * 3, 0), ("o", hidden, [hidden], hidden),
            ("gate, up", hidden, [mlp] * 2, 0), ("down", mlp, [hidden], hidden)]


class Machine:
    def __init__(self, build, ranks, rows):
        self.build, self.ranks, self.rows = build, ranks, rows
        self.done = {}

    def lines(self, name, *options, ranks=None):
        command = ["mpirun", "-n", ranks or self.ranks, self.build / "benchmarks" / name, *options]
        key = tuple(map(str, command))
        if key not in self.done:
            self.done[key] = json_lines(start(command))[0]
            print(self.done[key], flush=True)
        return self.done[key]

    def alps(self, width, outputs=()):
        return self.lines("alps", "--shape", f"{self.rows}x{width}", "--tokens", "2048",
                          "--iterations", "3", *outputs)

    def forward_seconds(self, hidden, mlp):
        """Of a rank, for its part of the sequences."""
        line = self.lines("forward", "--shape", f"{hidden}x{mlp}x32x32", "--tokens", "2048",
                          "--sequences", "1", ranks=1)
        return line["processor_seconds"] * TOKENS / 2048 / self.ranks


def targets_of(residual_rows):
    if residual_rows == 0:
        return ("--dense-target", "0.5")
    return ("--dense-target", "0.5", "--residual-target", "0.5", "--residual-rows",
            residual_rows)


def main():
    asked = arguments()
    machine = Machine(asked.build, asked.ranks, asked.rows)
    sites = sites_of(asked.hidden, asked.mlp)
    sweep = machine.lines("sparsegpt", "--shape", f"{asked.rows}x{asked.hidden}")
    sweep_seconds = sweep["cpu_seconds"] / asked.ranks / (asked.rows * asked.hidden**2)
    alps = dict.fromkeys(["statistics", "factorizations", "iterations", "other products"], 0.0)
    sparsegpt = dict.fromkeys(["statistics", "factorization and inverse", "sweep"], 0.0)
    for _, width, rows, residual_rows in sites:
        with_targets = machine.alps(width, targets_of(residual_rows))
        plain = machine.alps(width)
        times = sum(rows) / asked.rows
        alps["statistics"] += with_targets["statistics_seconds"] * TOKENS / with_targets["tokens"]
        alps["factorizations"] += len(rows) * FACTORIZATIONS * plain["factor_seconds"]
        alps["iterations"] += ITERATIONS * times * plain["iteration_seconds"]
        alps["other products"] += PRODUCTS * times * plain["sgemm_seconds"]
        sparsegpt["statistics"] += plain["statistics_seconds"] * TOKENS / plain["tokens"]
        # The triangular inverse takes as many operations as the factorization.
        sparsegpt["factorization and inverse"] += 2 * plain["factor_seconds"]
        sparsegpt["sweep"] += sweep_seconds * sum(rows) * width**2
    # Both go through the block twice: ALPS, site by site, with both streams once.
    alps["forward passes"] = sparsegpt["forward passes"] = \
        2 * machine.forward_seconds(asked.hidden, asked.mlp)
    for name, parts in (("ALPS with targets", alps), ("SparseGPT", sparsegpt)):
        print(f"\n| {name} | seconds of a rank |\n|---|---|")
        for part, seconds in parts.items():
            print(f"| {part} | {seconds:.0f} |")
        print(f"| all | {sum(parts.values()):.0f} |")
    print(f"\nALPS with targets over SparseGPT: {sum(alps.values()) / sum(sparsegpt.values()):.2f}")


if __name__ == "__main__":
    main()
