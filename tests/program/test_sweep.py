"""Sweeps and comparisons of runs: the whole program."""
import csv
import json
import os
import re
import shutil
import subprocess
import time
import unittest

import numpy as np

from harness import (BOOKS, MPIEXEC, PROGRAM, TINY, kill_with_ranks, processes_with,
                     read_safetensors, start, write_safetensors)
from test_calibrated import FIXED_CLOCK, CalibratedTest

BLOCKS = ("--blocks", "0-1")
FEW = ("--calibration", BOOKS / "calibration.npy", "--nsamples", 6, "--seqlen", 32)
#: What depends on the moment, or on the command line.
TIMES = ("started", "seconds", "phases", "timeline", "gemm_gflops", "peak_memory")


def without_times(report):
    """What must be the same, whoever starts the run."""
    report = json.loads(json.dumps(report))
    report.pop("command_line")
    for name in TIMES:
        report["run"].pop(name, None)
    for matrix in report["matrices"]:
        matrix.pop("seconds")
        matrix.pop("group_ranks")
    return report


class SweepTest(CalibratedTest):
    def setUp(self):
        super().setUp()
        self.eval = self.folder / "eval.npy"
        np.save(self.eval, np.load(BOOKS / "eval.npy").ravel()[:8 * 64])

    def sweep(self, output, *options, ranks=2, status=0):
        done = start(["sweep", "--model", BOOKS, *BLOCKS, "--output", self.folder / output, *options],
                     ranks, FIXED_CLOCK, timeout=300)
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        return done

    def runs(self, output, name="sweep.json"):
        return json.loads((self.folder / output / name).read_text())["runs"]

    def having(self, output, phase):
        """The runs of a sweep that have spent time on it."""
        return {run["folder"] for run in self.runs(output)
                if phase in self.report(self.folder / output / run["folder"])["run"]["phases"]}

    def contents(self, output):
        """Of a run, all that must not differ, by file."""
        files = [output / "checkpoint.h5", *sorted(output.glob("metrics/*"))]
        contents = {path.name: path.read_bytes() for path in files if path.exists()}
        contents["report.json"] = without_times(self.report(output))
        return contents

    def assert_same(self, one, other):
        one, other = self.contents(one), self.contents(other)
        self.assertEqual(set(one), set(other))
        for name in one:
            self.assertTrue(one[name] == other[name], name)


class Points(SweepTest):
    LISTS = ("--sparsity-ratio", "0.5,0.6", "--prune-method", "wanda,magnitude", "--allocation",
             "alphapruning,owl,dlp", "--epsilon", 0.2, *FEW)

    def test_points_are_single_runs_bit_for_bit(self):
        self.sweep("swept", *self.LISTS, "--eval", self.eval, "--keep", "all")
        names = [run["folder"] for run in self.runs("swept")]
        self.assertEqual(len(names), 12)
        # The scores of the dense blocks are the same for all runs of an allocation.
        self.assertEqual(self.having("swept", "outliers"), {"wanda-owl-0.5", "wanda-dlp-0.5"})
        for name in ("wanda-alphapruning-0.6", "wanda-owl-0.5", "wanda-owl-0.6",
                     "magnitude-owl-0.5", "wanda-dlp-0.6", "magnitude-alphapruning-0.5"):
            method, allocation, ratio = name.split("-")
            options = ["--prune-method", method, "--allocation", allocation, "--sparsity-ratio",
                       ratio, "--eval", self.eval]
            options += ["--epsilon", 0.2] if allocation == "alphapruning" else []
            options += ["--seqlen", 32] if name == "magnitude-alphapruning-0.5" else FEW
            self.succeed(BOOKS, self.folder / name, *BLOCKS, *options, ranks=2,
                         environment=FIXED_CLOCK)
            self.assert_same(self.folder / "swept" / name, self.folder / name)
        self.assertFalse((self.folder / "swept" / "journal").exists())

    def test_settings_are_chosen_once_for_each_pruner_and_ratio(self):
        few = ("--damping", "auto", *FEW)
        self.sweep("swept", "--sparsity-ratio", "0.5,0.6", "--prune-method", "sparsegpt",
                   "--allocation", "uniform,owl", *few, "--keep", "all")
        self.assertEqual(self.having("swept", "settings"),
                         {"sparsegpt-uniform-0.5", "sparsegpt-uniform-0.6"})
        for name in ("sparsegpt-uniform-0.5", "sparsegpt-owl-0.5", "sparsegpt-owl-0.6"):
            method, allocation, ratio = name.split("-")
            self.succeed(BOOKS, self.folder / name, *BLOCKS, "--prune-method", method,
                         "--allocation", allocation, "--sparsity-ratio", ratio, *few, ranks=2,
                         environment=FIXED_CLOCK)
            self.assert_same(self.folder / "swept" / name, self.folder / name)

    def test_only_the_best_of_each_ratio_keeps_its_checkpoint(self):
        for keep, expected in (((), 2), (("--keep", "none"), 0)):
            output = "out" + "".join(keep)
            self.sweep(output, "--sparsity-ratio", "0.5,0.7", "--allocation",
                       "uniform,shuffled", "--seqlen", 64, "--eval", self.eval, *keep)
            kept = {path.parent.name for path in (self.folder / output).glob("*/checkpoint.h5")}
            self.assertEqual(len(kept), expected)
            best = {}
            for run in self.runs(output):
                found = run["perplexity"][0]["pruned"], run["folder"]
                best[run["sparsity_ratio"]] = min(best.get(run["sparsity_ratio"], found), found)
                self.assertEqual(run["kept_checkpoint"], run["folder"] in kept)
            if expected:
                self.assertEqual(kept, {folder for _, folder in best.values()})

    def test_epsilon_is_chosen_on_calibration_text(self):
        lists = ("--sparsity-ratio", 0.6, "--prune-method", "wanda", "--allocation",
                 "uniform,alphapruning", *FEW)
        self.sweep("out", *lists, "--epsilon", "0.05:0.35:0.1", "--keep", "all")
        uniform, chosen = self.runs("out")
        self.assertNotIn("epsilon_choice", uniform)
        tried = {trial["epsilon"]: trial["perplexity"] for trial in chosen["epsilon_choice"]["tried"]}
        self.assertEqual(list(tried), [0.05, 0.15, 0.25, 0.35])
        self.assertEqual(chosen["epsilon"], min(tried, key=tried.get))
        self.assertEqual(chosen["epsilon_choice"]["held_out"],
                         f"2 of 6 calibration sequences of {BOOKS / 'calibration.npy'}")
        self.succeed(BOOKS, self.folder / "one", *BLOCKS, "--sparsity-ratio", 0.6, "--prune-method", "wanda",
                     "--allocation", "alphapruning", *FEW, "--epsilon", chosen["epsilon"], ranks=2,
                     environment=FIXED_CLOCK)
        one = self.contents(self.folder / "one")
        point = self.contents(self.folder / "out" / chosen["folder"])
        self.assertEqual(point["report.json"]["allocation"].pop("epsilon_choice"),
                         chosen["epsilon_choice"])
        self.assertTrue(one == point)

    def test_faults_come_together_before_any_work(self):
        done = self.sweep("out", "--sparsity-ratio", "0.5,1.5", "--prune-method", "wanda,wonder",
                          "--epsilon", "0.1:0.4:0", "--keep", "best", status=2)
        for part in ("--sparsity-ratio 1.5 is not in [0, 1)", "'wonder'", "is not a list of values",
                     "--keep best needs --eval", "--calibration is missing"):
            self.assertEqual(done.stderr.count(part), 1, part + "\n" + done.stderr)
        # What the model shows is found before the first run, too, of all runs.
        done = self.sweep("out", "--sparsity-ratio", "0.5,0.95", "--allocation",
                          "uniform,linear_depth", "--sparsity-type", "mixed-N:8", status=2)
        self.assertIn("0.95", done.stderr)
        self.assertFalse((self.folder / "out").exists())


class Failing(SweepTest):
    def test_a_run_that_cannot_be_does_not_end_the_others(self):
        model = self.copy_of(BOOKS)
        header, data = read_safetensors(model / "model.safetensors")
        entry = header["model.layers.1.mlp.up_proj.weight"]
        self.assertEqual(entry["dtype"], "BF16")
        begin, end = entry["data_offsets"]
        data[begin:end] = b"\x4a\x71" * ((end - begin) // 2)  # 1e30: finite, but no activation is
        write_safetensors(model / "model.safetensors", header, data)
        arguments = ["sweep", "--model", model, *BLOCKS, "--output", self.folder / "out", "--prune-method",
                     "wanda,magnitude", "--allocation", "uniform,linear_depth", *FEW]
        for more in ((), ("--resume",)):
            done = start([*arguments, *more], 2, FIXED_CLOCK)
            self.assertEqual(done.returncode, 1, done.stderr + done.stdout)
            for run in ("wanda-uniform-0.7", "wanda-linear_depth-0.7"):
                self.assertIn(f"the run {run} of the sweep has failed", done.stderr)
                self.assertFalse((self.folder / "out" / run / "report.json").exists())
            self.assertIn("--resume", done.stderr)
            self.assertIn("magnitude-linear_depth-0.7", done.stdout)
        self.assertFalse((self.folder / "out" / "sweep.json").exists())
        compared = start(["report", self.folder / "out", "--output", self.folder / "compared"])
        self.assertEqual(compared.returncode, 0, compared.stderr)
        self.assertEqual(len(self.runs("compared", "comparison.json")), 2)


class Resumed(SweepTest):
    LISTS = ("--sparsity-ratio", 0.6, "--prune-method", "wanda,sparsegpt", "--allocation",
             "uniform,alphapruning", "--epsilon", "0.1,0.2", *FEW)

    def kill_after(self, output, done):
        """Starts a sweep and kills it when that many runs are done."""
        output = self.folder / output
        self.kill_when(output, lambda: len(list(output.glob("*/report.json"))) >= done, self.LISTS)

    def kill_when(self, output, reached, lists):
        """Starts a sweep and kills it as soon as it has come so far."""
        with open(self.folder / "killed.log", "w", encoding="utf-8") as log:
            running = subprocess.Popen(
                [MPIEXEC, "-n", "2", PROGRAM, "sweep", "--model", str(BOOKS), *BLOCKS,
                 "--output", str(output), *map(str, lists), "--resume"], stdout=log, stderr=log,
                env={**os.environ, **FIXED_CLOCK})
            while running.poll() is None and not reached():
                time.sleep(0.01)
            kill_with_ranks(running, output)
            running.wait()
            while processes_with(output):
                time.sleep(0.02)

    def test_killed_and_resumed_on_other_ranks(self):
        self.sweep("whole", *self.LISTS)
        self.kill_after("out", 1)
        self.kill_after("out", 2)
        before = {path: path.stat().st_mtime_ns
                  for path in (self.folder / "out").glob("*/report.json")}
        self.assertLess(len(before), 4)
        self.sweep("out", *self.LISTS, "--resume", ranks=3)
        for path, moment in before.items():
            self.assertEqual(path.stat().st_mtime_ns, moment, "a finished run was repeated")
        whole, out = self.runs("whole"), self.runs("out")
        self.assertEqual([run["folder"] for run in whole], [run["folder"] for run in out])
        for run in whole:
            one, other = (self.contents(self.folder / where / run["folder"])
                          for where in ("whole", "out"))
            for contents in (one, other):  # other ranks, perhaps a run that was itself continued
                for name in ("ranks", "attempts", "resumed_matrices", "threads_per_rank"):
                    contents["report.json"]["run"].pop(name)
            self.assertTrue(one == other, run["folder"])
        self.assertIn("nothing is left to do",
                      self.sweep("out", *self.LISTS, "--resume").stderr)

    def test_killed_in_a_run_that_began_from_what_another_had_found(self):
        """Nobody is left who knows it: it is found again, and trials are not taken for others."""
        lists = ("--sparsity-ratio", 0.6, "--prune-method", "sparsegpt", "--damping", "auto",
                 "--allocation", "uniform,search", "--search-evaluations", 6, *FEW)
        self.sweep("whole", *lists, "--keep", "all")
        self.assertEqual(self.having("whole", "settings"), {"sparsegpt-uniform-0.6"})
        log = self.folder / "out" / "sparsegpt-search-0.6" / "run.log"
        self.kill_when(self.folder / "out",
                       lambda: log.exists() and "search: candidate 4 of" in log.read_text(), lists)
        self.assertFalse((log.parent / "report.json").exists())
        self.sweep("out", *lists, "--keep", "all", "--resume")
        self.assertEqual(self.having("out", "settings"),
                         {"sparsegpt-uniform-0.6", "sparsegpt-search-0.6"})
        one, other = (self.contents(self.folder / where / "sparsegpt-search-0.6")
                      for where in ("whole", "out"))
        for contents in (one, other):
            contents["report.json"]["run"].pop("attempts")
        self.assertTrue(one == other)

    def test_more_values_join_a_finished_sweep(self):
        lists = ("--allocation", "uniform,shuffled", "--seqlen", 64, "--eval", self.eval,
                 "--keep", "best")
        self.sweep("out", *lists, "--sparsity-ratio", "0.5,0.6")
        report = self.folder / "out" / "magnitude-uniform-0.6" / "report.json"
        before = report.stat().st_mtime_ns
        self.sweep("out", *lists, "--sparsity-ratio", "0.6,0.7", "--resume")
        self.assertEqual(report.stat().st_mtime_ns, before)
        self.assertEqual({run["sparsity_ratio"] for run in self.runs("out")}, {0.6, 0.7})
        self.sweep("whole", *lists, "--sparsity-ratio", "0.6,0.7")
        for run in self.runs("whole"):
            self.assert_same(self.folder / "out" / run["folder"],
                             self.folder / "whole" / run["folder"])

    def test_another_sweep_is_refused(self):
        lists = ("--sparsity-ratio", "0.5,0.6", "--allocation", "uniform,linear_depth")
        self.sweep("out", *lists)
        self.assertIn("output folder exists already", self.sweep("out", *lists, status=2).stderr)
        other = ("--sparsity-ratio", "0.5,0.7", "--allocation", "uniform,linear_depth")
        refused = self.sweep("out", *other, "--epsilon", 0.1, "--resume", status=2)
        self.assertIn("magnitude-linear_depth-0.5 in the output folder is complete, and was another",
                      refused.stderr)
        self.assertEqual(len(self.runs("out")), 4)
        (self.folder / "out" / "magnitude-uniform-0.5" / "mine.txt").write_text("mine")
        self.sweep("out", *other, "--overwrite")
        folders = {path.name for path in (self.folder / "out").iterdir() if path.is_dir()}
        self.assertEqual(folders, {run["folder"] for run in self.runs("out")})
        self.assertEqual((self.folder / "out/magnitude-uniform-0.5/mine.txt").read_text(), "mine")


class Compared(SweepTest):
    def test_numbers_are_those_of_the_reports(self):
        self.sweep("swept", "--sparsity-ratio", "0.5,0.6", "--allocation", "uniform,linear_depth",
                   "--seqlen", 64, "--eval", self.eval)
        self.succeed(BOOKS, self.folder / "alone", *BLOCKS, "--sparsity-ratio", 0.6, "--allocation",
                     "uniform", "--seqlen", 32, "--eval", self.eval, environment=FIXED_CLOCK)
        self.succeed(TINY / "tiny-llama3", self.folder / "tiny", environment=FIXED_CLOCK)
        done = start(["report", self.folder / "swept", self.folder / "alone", self.folder / "tiny",
                      "--output", self.folder / "compared"])
        self.assertEqual(done.returncode, 0, done.stderr)
        compared = self.folder / "compared"
        folders = [*sorted((self.folder / "swept").glob("*/")), self.folder / "alone",
                   self.folder / "tiny"]
        reports = {str(folder): self.report(folder) for folder in folders
                   if (folder / "report.json").exists()}
        self.assertEqual(len(reports), 6)
        rows = list(csv.DictReader((compared / "comparison.csv").read_text().splitlines()))
        self.assertEqual({row["run"] for row in rows}, set(reports))
        for row in rows:
            report = reports[row["run"]]
            self.assertEqual(row["prune_method"], report["prune_method"])
            self.assertEqual(row["allocation"], report["allocation"]["name"])
            self.assertEqual(float(row["sparsity_ratio"]), report["allocation"]["sparsity_ratio"])
            self.assertEqual(float(row["sparsity"]), report["sparsity"])
            self.assertEqual(float(row["seconds"]), report["run"]["seconds"])
            self.assertEqual(float(row["prune_seconds"]), report["run"]["phases"]["prune"])
            if report["perplexity"]:
                on = report["perplexity"][0]
                self.assertEqual([row["text"], int(row["seqlen"]), int(row["windows"])],
                                 [on["text"], on["seqlen"], on["windows"]])
                self.assertEqual([float(row["dense_perplexity"]), float(row["pruned_perplexity"])],
                                 [on["dense"], on["pruned"]])
            else:
                self.assertEqual(row["pruned_perplexity"], "")
        latex = (compared / "comparison.tex").read_text()
        for length, folder in ((64, "swept/magnitude-linear_depth-0.6"), (32, "alone")):
            part = latex[latex.index(f"windows of {length} tokens"):]
            value = self.report(self.folder / folder)["perplexity"][0]["pruned"]
            self.assertIn(f"{value:.2f}" if value < 1000 else f"{value:.0f}",
                          part[:part.index("bottomrule")])
        self.assertEqual(latex.count("\\toprule"), latex.count("\\bottomrule"))
        self.assertNotIn("linear_depth", latex)  # escaped
        page = (compared / "comparison.html").read_text()
        self.assertEqual(page.count("<svg"), 2)
        self.assertFalse(re.search(r"(src|href)=", page))

    def test_faults_come_together(self):
        (self.folder / "empty").mkdir()
        broken = self.folder / "broken"
        broken.mkdir()
        (broken / "report.json").write_text("{")
        done = start(["report", self.folder / "empty", broken, self.folder / "absent", "--output",
                      self.folder / "compared"])
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("there is no finished run"), 2, done.stderr)
        self.assertIn("broken/report.json", done.stderr)
        self.assertFalse((self.folder / "compared").exists())

    def test_former_comparisons_stay(self):
        self.succeed(TINY / "tiny-llama3", self.folder / "tiny")
        arguments = ["report", self.folder / "tiny", "--output", self.folder / "compared"]
        self.assertEqual(start(arguments).returncode, 0)
        self.assertEqual(start(arguments).returncode, 2)
        shutil.copy(self.folder / "compared" / "comparison.csv", self.folder / "first.csv")
        self.assertEqual(start([*arguments, "--overwrite"]).returncode, 0)
        self.assertEqual((self.folder / "compared" / "comparison.csv").read_text(),
                         (self.folder / "first.csv").read_text())


if __name__ == "__main__":
    unittest.main()
