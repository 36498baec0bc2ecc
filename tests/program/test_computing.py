"""--precision: float32 where it suffices, said in the report, refused where it cannot; threads."""
import os
import subprocess
import unittest

from harness import BOOKS, LIBRARY_SOLVERS, MPIEXEC, PROGRAM, ProgramTest, start


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


class Processors(ProgramTest):
    def test_ranks_that_compute_otherwise_are_told_of(self):
        """As on nodes of two kinds: OpenBLAS is told to take other kernels on one rank."""
        output = self.folder / "out"
        words = [PROGRAM, "analyze", "--model", str(BOOKS), "--output", str(output),
                 "--metric", "alpha_mid"]
        # Not by a command line for each rank: Debian 13's mpirun crashes on those.
        other = '[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 0 ] || export OPENBLAS_CORETYPE=Prescott; '
        done = subprocess.run([MPIEXEC, "-n", "2", "sh", "-c", other + 'exec "$@"', "sh", *words],
                              capture_output=True, text=True, timeout=100, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        if "Prescott" not in done.stderr:
            self.skipTest("this BLAS does not choose its kernels at run time")
        self.assertEqual(done.stderr.count("the ranks have different BLAS libraries"), 1)
        self.assertIn("the ranks have different BLAS", " ".join(self.report(output)["notes"]))


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
