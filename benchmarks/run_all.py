#!/usr/bin/env python3
"""Runs the benchmarks and prints their figures in one table: asked, measured, pass or short.

    benchmarks/run_all.py BUILD_FOLDER [--only TEXT] [--ranks N]

See run_all.sh. A figure that cannot be measured here (no python3-torch, say) is "not measured".
"""
import argparse
import json
import pathlib
import sys
import tempfile

from program import json_lines, run_program, start

HERE = pathlib.Path(__file__).resolve().parent
BOOKS = HERE.parent / "data" / "books-7m"
BLOCK_7B = ["--model", "7b", "--synthetic", "--blocks", "0"]
BLOCKS_7B = ["--model", "7b", "--synthetic", "--blocks", "0-1"]
BLOCK_70B = ["--model", "70b", "--synthetic", "--blocks", "0"]


class Bench:
    """Starts programs and keeps every line that they print."""

    def __init__(self, build, ranks):
        self.build = build
        self.program = build / "alphaprune_mpi"
        self.ranks = ranks
        self.log = (build / "figures.jsonl").open("w")
        self.done = {}  # scripts give several figures at once

    def lines(self, name, *arguments, ranks=None):
        command = [self.build / "benchmarks" / name, *arguments]
        # Open MPI binds one or two ranks to a core each, and all their threads with them.
        unbound = ["--bind-to", "none"] if "--threads" in arguments else []
        return self.keep(start(["mpirun", "-n", ranks or self.ranks, *unbound, *command]))

    def script(self, name, *arguments):
        command = (sys.executable, HERE / name, self.program, *arguments)
        if command not in self.done:
            self.done[command] = self.keep(start(command))[-1]
        return self.done[command]

    def keep(self, text):
        found = json_lines(text)
        for line in found:
            self.log.write(json.dumps(line) + "\n")
        self.log.flush()
        return found


def spectrum(shape):
    return lambda bench: bench.lines("spectrum", "--shape", shape, "--backend", "two_stage",
                                     "--repeat", "2")[0]["ratio_to_limit"]


def group_of_two(bench):
    options = ["--shape", "8192x8192", "--backend", "two_stage"]
    alone = bench.lines("spectrum", *options, ranks=1)[0]["seconds"]
    together = bench.lines("spectrum", *options, "--group-ranks", "2", ranks=2)[0]["seconds"]
    return alone / together


def speedup(bench):
    return bench.script("rank_speedup.py", "--ranks", bench.ranks, "--repeat", "1", "--",
                        *BLOCKS_7B)["efficiency"]


def bf16_product(bench):
    """Not measured where the processor or the build cannot do it."""
    return min(line["ratio"] for line in bench.lines("packed_products", ranks=1)
               if line["way"] == "bf16")


def sequence_seconds(bench, *options, ranks=1):
    """One sequence through a 7B block."""
    return bench.lines("forward", "--shape", "4096x11008x32x32", "--tokens", "2048", "--sequences",
                       "1", "--repeat", "3", *options, ranks=ranks)[0]["seconds"]


def sequence_gain(*options, ranks=1):
    return lambda bench: sequence_seconds(bench) / sequence_seconds(bench, *options, ranks=ranks)


def phase(method, shape, sequences):
    """A calibrated phase over its limit, by processor time."""
    return lambda bench: bench.lines(
        "calibration", "--shape", shape, "--nsamples", sequences, "--repeat", "1",
        "--prune-method", method)[0]["processor_ratio"]


def speedup_of_threads(program, seconds, *options):
    """One rank with two threads against one thread. @param seconds  of a line of the program"""
    def measure(bench):
        one, two = (seconds(bench.lines(program, "--shape", "4096x4096", *options, "--threads",
                                        threads, ranks=1)[0]) for threads in ("1", "2"))
        return one / two
    return measure


def sparsegpt_seconds(line):
    return line["hessian_seconds"] + line["factor_seconds"] + line["seconds"]


def alps_seconds(line):
    """As many iterations, factorizations and other products as a matrix takes on average."""
    return (line["statistics_wall_seconds"] + 33 * line["wall_seconds"] +
            12 * line["factor_wall_seconds"] + 11 * line["sgemm_wall_seconds"])


def scan(bench):
    lines = bench.lines("ks_scan", ranks=1)
    return max(line["ratio"] for line in lines if line["n"] <= 16384)


def validation(bench, options):
    """What `plan --validate` says of a run: measured over predicted, by name."""
    key = ("plan", *map(str, options))
    if key not in bench.done:
        with tempfile.TemporaryDirectory() as folder:
            kept = pathlib.Path(folder) / "validation.json"
            run_program(bench.program, bench.ranks, options,
                        also=lambda output: start([bench.program, "plan", "--validate", output,
                                                   "--json", kept]))
            line = json.loads(kept.read_text())
        bench.keep(json.dumps(line))
        bench.done[key] = {entry["name"]: entry["measured"] / entry["predicted"]
                           for entry in line["seconds"] + line["memory"]}
    return bench.done[key]


def predicted(options, name="whole"):
    return lambda bench: validation(bench, options)[name]


def opened_page(bench):
    return json_lines(start([sys.executable, HERE / "report_page.py", bench.build]))[-1]


def longest_stop(times, after, request=()):
    return lambda bench: bench.script("stop_latency.py", "--times", times, "--after", after,
                                      "--ranks", bench.ranks, *request)["longest_seconds"]


class Figure:
    def __init__(self, name, asked, measure, most=None, least=None):
        self.name, self.asked, self.measure = name, asked, measure
        self.most, self.least = most, least

    def verdict(self, value):
        good = (self.most is None or value <= self.most) and \
               (self.least is None or value >= self.least)
        return "pass" if good else "short"


FIGURES = [
    Figure("spectrum 4096x4096 over flop limit", "<= 1.45", spectrum("4096x4096"), most=1.45),
    Figure("spectrum 4096x11008 over flop limit", "<= 1.25", spectrum("4096x11008"), most=1.25),
    Figure("spectrum 8192x8192 over flop limit", "<= 1.5", spectrum("8192x8192"), most=1.5),
    Figure("7B block against torch svdvals, float64", ">= 3.8",
           lambda bench: bench.script("svdvals.py", "--ranks", bench.ranks)["double_ratio"],
           least=3.8),
    Figure("7B block against torch svdvals, --precision auto", ">= 6",
           lambda bench: bench.script("svdvals.py", "--ranks", bench.ranks)["auto_ratio"],
           least=6),
    Figure("efficiency of the spectrum phase, two 7B blocks", ">= 0.95", speedup, least=0.95),
    Figure("8192x8192: 2 ranks together against 1", ">= 1.6", group_of_two, least=1.6),
    Figure("KS scan over eigenvalues, N up to 16384", "<= 0.05", scan, most=0.05),
    Figure("books-7m: measured over planned", "0.75 to 1.25",
           predicted(["--model", BOOKS]), most=1.25, least=0.75),
    Figure("7B block: measured over planned", "0.75 to 1.25", predicted(["analyze", *BLOCK_7B]),
           most=1.25, least=0.75),
    Figure("70B block: measured over planned", "0.75 to 1.25", predicted(["analyze", *BLOCK_70B]),
           most=1.25, least=0.75),
    Figure("70B block: memory of a rank over planned", "0.9 to 1.1",
           predicted(["analyze", *BLOCK_70B], "memory a rank"), most=1.1, least=0.9),
    Figure("sweep of 27 runs over what they need alone, less what is shared", "<= 1.05",
           lambda bench: bench.script("sweep.py", "--ranks", bench.ranks)["processor_ratio"], most=1.05),
    Figure("writing over pwrite + fsync", ">= 0.7",
           lambda bench: bench.lines("writing")[0]["ratio"], least=0.7),
    Figure("magnitude, pruned and written, over pwrite + fsync", ">= 0.7",
           lambda bench: bench.lines("writing", "--through-phase")[0]["ratio"], least=0.7),
    *(Figure(f"masks and values at {100 * zeros:.0f} %, over dense {form}", ">= 0.7",
             lambda bench, zeros=zeros, form=form: bench.lines(
                 "writing", "--bitmask", "--sparsity-ratio", str(zeros), "--format", form,
                 "--gibibytes", "0.25", "--repeat", "15")[0]["ratio"], least=0.7)
      for form in ("hdf5", "safetensors") for zeros in (0.5, 0.7)),
    Figure("bytes of masks and values at 70 %, of the dense ones", "<= 0.37",
           lambda bench: bench.lines("writing", "--bitmask", "--repeat", "1", "--gibibytes",
                                     "0.25")[0]["size"], most=0.37),
    Figure("the same at 50 %", "<= 0.57",
           lambda bench: bench.lines("writing", "--bitmask", "--sparsity-ratio", "0.5", "--repeat",
                                     "1", "--gibibytes", "0.25")[0]["size"], most=0.57),
    Figure("MB of report.html, 560 matrices", "<= 5",
           lambda bench: opened_page(bench)["bytes"] / 1e6, most=5),
    Figure("seconds to open it in Chromium", "<= 2",
           lambda bench: opened_page(bench)["seconds_median"], most=2),
    Figure("forward pass over SGEMM limit, books-7m", ">= 0.6",
           lambda bench: bench.lines("forward", ranks=1)[0]["ratio"], least=0.6),
    Figure("Wanda phase over SGEMM limit, books-7m", ">= 0.6",
           lambda bench: bench.lines("calibration")[0]["ratio"], least=0.6),
    Figure("a sequence in a 7B block: 2 ranks against 1", ">= 1.8", sequence_gain(ranks=2),
           least=1.8),
    Figure("a sequence in a 7B block: 2 threads against 1", ">= 1.8",
           sequence_gain("--threads", "2"), least=1.8),
    Figure("a sequence in a 7B block: bf16x2 against float32", ">= 1.4",
           sequence_gain("--precision", "bf16x2"), least=1.4),
    Figure("a sequence in a 7B block: bf16 against float32", ">= 1.4",
           sequence_gain("--precision", "bf16"), least=1.4),
    Figure("Wanda phase over SGEMM limit, 7B block", ">= 0.8",
           phase("wanda", "4096x11008x32x32", 4), least=0.8),
    Figure("SparseGPT phase over SGEMM limit, 7B block", ">= 0.65",
           phase("sparsegpt", "4096x11008x32x32", 4), least=0.65),
    Figure("ALPS phase over SGEMM limit, block of 2048 x 5504", ">= 0.6",
           phase("alps", "2048x5504x16x16", 8), least=0.6),
    Figure("products in bfloat16 over oneDNN's own", ">= 0.7",
           bf16_product, least=0.7),
    Figure("SparseGPT sweep 4096x4096 over SGEMM limit", ">= 0.3",
           lambda bench: bench.lines("sparsegpt", "--shape", "4096x4096", ranks=1)[0]["ratio"],
           least=0.3),
    Figure("SGEMM over ALPS iteration, 1024x4096", ">= 0.6",
           lambda bench: bench.lines("alps", "--shape", "1024x4096", ranks=1)[0]["share_of_sgemm"],
           least=0.6),
    Figure("SparseGPT 4096x4096: speedup of 2 threads of a rank", ">= 1.8",
           speedup_of_threads("sparsegpt", sparsegpt_seconds, "--repeat", "2"), least=1.8),
    Figure("ALPS 4096x4096: speedup of 2 threads of a rank", ">= 1.8",
           speedup_of_threads("alps", alps_seconds, "--iterations", "3"), least=1.8),
    Figure("seconds from a stop request to the end, books-7m", "<= 5",
           longest_stop(20, 1.5, ["--", "--model", BOOKS, "--prune-method", "sparsegpt",
                                  "--calibration", BOOKS / "calibration.npy", "--nsamples", "32",
                                  "--eval", BOOKS / "eval.npy"]), most=5),
    Figure("seconds from a stop request to the end, 70B block", "<= 20", longest_stop(6, 45),
           most=20),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only", default="", help="figures whose name holds this text")
    parser.add_argument("--ranks", type=int, default=2)
    arguments = parser.parse_args()
    bench = Bench(arguments.build.resolve(), arguments.ranks)
    print(f"{'figure':52} {'asked':>13} {'measured':>9}")
    for figure in FIGURES:
        if arguments.only not in figure.name:
            continue
        try:
            value = figure.measure(bench)
        except SystemExit as error:
            print(f"{figure.name:52} {figure.asked:>13} not measured: "
                  f"{str(error).strip().splitlines()[-1]}", flush=True)
            continue
        print(f"{figure.name:52} {figure.asked:>13} {value:9.3f} {figure.verdict(value)}",
              flush=True)


if __name__ == "__main__":
    main()
