"""--precision: float32 where it suffices, said in the report, refused where it cannot; threads."""
import os
import pathlib
import re
import subprocess
import unittest

from harness import BOOKS, LIBRARY_SOLVERS, MPIEXEC, PROGRAM, TINY, ProgramTest, start


def bound_to(what):
    """For Open MPI 4 and 5: what it binds each rank to, and so how many threads a rank has."""
    return {"OMPI_MCA_hwloc_base_binding_policy": what,
            "PRTE_MCA_hwloc_default_binding_policy": what}


class Threads(ProgramTest):
    def test_more_than_the_cores_given_are_refused_before_anything_is_made(self):
        output = self.folder / "out"
        done = start(["analyze", "--model", BOOKS, "--output", output,
                      "--threads-per-rank", "4096"], 2)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--threads-per-rank", done.stderr)
        self.assertFalse(output.exists())

    def test_the_number_of_threads_does_not_change_a_bit(self):
        made = []
        for name, binding in (("one", "core"), ("some", "none")):
            output = self.folder / name
            done = start(["analyze", "--model", BOOKS, "--output", output], 1, bound_to(binding))
            self.assertEqual(done.returncode, 0, done.stderr)
            made.append((output / "metrics" / "alpha_peak.npy").read_bytes())
        self.assertEqual(made[0], made[1])

    @unittest.skipUnless(LIBRARY_SOLVERS, "built without ELPA and ScaLAPACK")
    def test_solvers_of_groups_of_ranks_use_one_thread_of_each(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("threads need two cores")
        output = self.folder / "out"
        done = start(["analyze", "--model", BOOKS, "--output", output, "--solver", LIBRARY_SOLVERS[0],
                      "--threads-per-rank", "2"], 1, bound_to("none"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.report(output)["run"]["threads_per_rank"], 1)


def core_for_this_processor():
    """Of OpenBLAS, the kernels for what Linux says of the processor; nothing without AVX2."""
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    flags = set(re.search(r"^flags\s*:(.*)$", cpuinfo + "\nflags:\n", re.MULTILINE)[1].split())
    if flags >= {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}:
        return "SkylakeX"
    return "Haswell" if flags >= {"avx2", "fma"} else None


class Processors(ProgramTest):
    def blas_of_two_ranks(self, model, environment=None):
        """What is said of two ranks of which the user sets the kernels of OpenBLAS on the second, as
        on nodes of two kinds."""
        output = self.folder / "out"
        words = [PROGRAM, "analyze", "--model", str(model), "--output", str(output),
                 "--metric", "alpha_mid"]
        # Not by a command line for each rank: Debian 13's mpirun crashes on those.
        other = ('unset OPENBLAS_CORETYPE; '
                 '[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 0 ] || export OPENBLAS_CORETYPE=Prescott; ')
        done = subprocess.run([MPIEXEC, "-n", "2", "sh", "-c", other + 'exec "$@"', "sh", *words],
                              env={**os.environ, **(environment or {})},
                              capture_output=True, text=True, timeout=100, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        notes = [note for note in self.report(output)["notes"]
                 if "the ranks have different BLAS libraries" in note]
        self.assertEqual(done.stderr.count("the ranks have different BLAS libraries"), len(notes))
        return notes

    def test_ranks_that_compute_otherwise_are_told_of(self):
        notes = self.blas_of_two_ranks(BOOKS)
        if not notes:
            self.skipTest("this BLAS does not choose its kernels at run time, or has no better ones")
        self.assertEqual(len(notes), 1)
        self.assertIn("Prescott", notes[0])  # what the user has set is kept
        if core_for_this_processor() and "DYNAMIC_ARCH" in notes[0]:
            self.assertRegex(notes[0], "SkylakeX|Cooperlake|SapphireRapids|Haswell|Zen")

    def test_openblas_that_does_not_know_the_processor_is_told_of_it(self):
        core = core_for_this_processor()
        notes = self.blas_of_two_ranks(TINY / "tiny-mistral",
                                       {"LD_PRELOAD": os.environ["UNAWARE_OPENBLAS"]})
        if core is None:
            self.assertEqual(notes, [])  # Prescott on both
        else:
            self.assertEqual(len(notes), 1)
            self.assertIn("AFFINITY Prescott", notes[0])
            self.assertIn(f"AFFINITY {core}", notes[0])


class Precision(ProgramTest):
    def matrices(self, name, *more):
        output = self.folder / name
        done = start(["analyze", "--model", BOOKS, "--metric", "alpha_mid", "--output", output,
                      "--solver", "two_stage", *more], 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.report(output)["matrices"]

    def test_alpha_mid_agrees_and_the_report_says_what_was_done(self):
        exact = self.matrices("exact")
        quick = self.matrices("quick", "--precision", "auto")
        self.assertEqual({matrix["precision"] for matrix in exact}, {"double"})
        self.assertIn("single", {matrix["precision"] for matrix in quick})
        for one, other in zip(exact, quick):
            self.assertAlmostEqual(other["metrics"]["alpha_mid"] / one["metrics"]["alpha_mid"], 1,
                                   delta=1e-5)
            if other["precision"] == "single":
                self.assertIsNone(other["metrics"]["alpha_peak"])
            else:
                self.assertEqual(one["metrics"], other["metrics"])

    def test_other_metrics_and_solvers_are_refused(self):
        for more in (["--metric", "alpha_peak"], [],
                     ["--metric", "alpha_mid", "--solver", "lapack1"]):
            done = start(["analyze", "--model", BOOKS, "--output", self.folder / "no",
                          "--precision", "auto", *more])
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("--precision", done.stderr)


if __name__ == "__main__":
    unittest.main()
