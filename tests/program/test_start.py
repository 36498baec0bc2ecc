"""How the program starts: without MPI where one process is all there is, also inside a Slurm job that
MPI cannot make out; never several processes that each do the whole work; the process that waits."""
import contextlib
import os
import signal
import subprocess
import time
import unittest

from harness import LIBRARY_SOLVERS, PROGRAM, TINY, ProgramTest, processes_with, start

SMALL = TINY / "tiny-mistral"
LAUNCHERS = ("OMPI_COMM_", "PMI", "SLURM_", "PALS_", "FLUX_", "ALPHAPRUNE_")
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHERS)}
# MPI_Init fails with these: whatever works with them works without MPI.
NO_MPI = {"OMPI_MCA_pml": "no-such-thing"}
# A shell that srun --mpi=none has opened on a node: Open MPI takes it for a start by srun and gives up.
SLURM_SHELL = {"SLURM_JOB_ID": "1", "SLURM_JOBID": "1", "SLURM_STEP_ID": "0", "SLURM_STEPID": "0",
               "SLURM_NODELIST": "n1", "SLURM_PROCID": "0", "SLURM_NTASKS": "1",
               "SLURM_STEP_NUM_TASKS": "1", "SLURM_TASKS_PER_NODE": "1"}
OTHER_SHELLS = {
    "the shell of salloc": {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "8", "SLURM_NODELIST": "n1"},
    "a job's script": {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "8", "SLURM_PROCID": "0"},
    "little of Slurm": {"SLURM_JOB_ID": "1", "SLURM_STEP_ID": "0", "SLURM_PROCID": "0"},
    "srun --mpi=pmi2": {**SLURM_SHELL, "PMI_RANK": "0", "PMI_SIZE": "1", "PMI_FD": "99"},
    "srun --mpi=pmix": {**SLURM_SHELL, "PMIX_RANK": "0", "PMIX_NAMESPACE": "slurm.pmix.1.0",
                         "PMIX_SERVER_URI41": "pmix-server.1;tcp4://127.0.0.1:9"},
    "mpiexec -n 1 of MPICH": {"PMI_RANK": "0", "PMI_SIZE": "1", "PMI_PORT": "n1:9"},
}


def task(number, tasks):
    """One of several tasks of srun, without PMI."""
    return {**SLURM_SHELL, "SLURM_PROCID": str(number), "SLURM_NTASKS": str(tasks),
            "SLURM_STEP_NUM_TASKS": str(tasks)}


def run_plainly(*arguments, **variables):
    """The program without mpirun."""
    return subprocess.run([PROGRAM, *map(str, arguments)], env={**PLAIN, **variables}, timeout=100,
                          capture_output=True, text=True, check=False)


class StartTest(ProgramTest):
    def done(self, *arguments, **variables):
        done = run_plainly(*arguments, **variables)
        self.assertEqual(done.returncode, 0, (variables, done.stderr))
        return done.stdout

    def refused(self, done, *words):
        self.assertEqual(done.returncode, 2, done.stderr + done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)


class WithoutMpi(StartTest):
    def test_nothing_works_with_mpi_here(self):
        """So that the tests below show something."""
        done = run_plainly("plan", "--model", SMALL, ALPHAPRUNE_MPI="1", **NO_MPI)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("seconds", done.stdout)

    def test_every_command_of_one_process(self):
        for name, shell in {"none": {}, "srun --mpi=none": SLURM_SHELL}.items():
            with self.subTest(shell=name):
                here = {**shell, **NO_MPI}
                output = self.folder / name.replace(" ", "")
                self.assertIn("Exit status", self.done("--help", **here))
                self.assertIn("MPI", self.done("--version", **here))
                self.assertIn("seconds", self.done("plan", "--model", SMALL, **here))
                self.done("--model", SMALL, "--output", output, "--metric", "alpha_mid",
                          "--format", "hdf5", "--format", "safetensors", **here)
                self.assertEqual(self.report(output)["run"]["ranks"], 1)
                self.assertIn("verified", self.done("verify", output, **here))
                self.done("export", "--model", output / "checkpoint.h5", "--output",
                          self.folder / f"{output.name}-hf", **here)
                self.refused(run_plainly("--outptu", "x", **here), "did you mean --output?")
                self.refused(run_plainly("--model", SMALL, **here), "--output")

    def test_wherever_one_process_may_be(self):
        for name, shell in OTHER_SHELLS.items():
            with self.subTest(shell=name):
                self.assertIn("Exit status", self.done("--help", **shell, **NO_MPI))
                self.done("plan", "--model", SMALL, **shell, **NO_MPI)

    def test_a_single_rank_writes_the_same_bytes_with_and_without_mpi(self):
        fixed = {"SOURCE_DATE_EPOCH": "1700000000"}
        for name, choice in {"without": "0", "with": "1"}.items():
            self.done("--model", SMALL, "--output", self.folder / name, "--metric", "alpha_mid",
                      ALPHAPRUNE_MPI=choice, **fixed)
        self.assertEqual((self.folder / "without" / "checkpoint.h5").read_bytes(),
                         (self.folder / "with" / "checkpoint.h5").read_bytes())

    @unittest.skipUnless("scalapack" in LIBRARY_SOLVERS, "built without ScaLAPACK")
    def test_a_solver_that_needs_mpi_has_it_in_a_shell_of_slurm_too(self):
        for mpi, shell in {"none": SLURM_SHELL, "pmi2": OTHER_SHELLS["srun --mpi=pmi2"],
                           "pmix": OTHER_SHELLS["srun --mpi=pmix"]}.items():
            output = self.folder / mpi
            self.done("analyze", "--model", SMALL, "--output", output, "--solver", "scalapack",
                      **shell)
            self.assertEqual({matrix["solver"] for matrix in self.report(output)["matrices"]},
                             {"scalapack"})

    def test_a_reader_that_goes_away(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([PROGRAM, "--help"], env=PLAIN, stdout=writer, check=False)
        os.close(writer)
        self.assertEqual(done.returncode, 0)


class SeveralRanks(StartTest):
    def test_the_command_line_is_answered_once_and_without_mpi(self):
        done = start(["--help"], 3, NO_MPI)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("Exit status"), 1)
        done = start(["--version"], 3, NO_MPI)
        self.assertEqual(done.stdout.count("alphaprune_mpi "), 1)
        done = start(["help", "errors", "cli.missing-option"], 3, NO_MPI)
        self.assertEqual(done.stdout.count("### cli.missing-option"), 1)
        done = start(["help", "errors", "no such words"], 3, NO_MPI)
        self.refused(done, "no message of the program contains 'no such words'")

    def test_errors_of_the_command_line_are_said_once_and_without_mpi(self):
        config = self.folder / "run.cfg"
        config.write_text("epsilon = none\n")
        done = start(["--outptu", "x", "--config", config], 3, NO_MPI)
        self.refused(done, "did you mean --output?", "--model", "epsilon")
        self.assertEqual(done.stderr.count("did you mean --output?"), 1)

    def test_what_rank_0_alone_can_know_is_agreed_on(self):
        done = start(["--output", self.folder / "out"], 3)
        self.refused(done, "--model")
        self.assertEqual(done.stderr.count("error:"), 1)


class Forgotten(StartTest):
    """Several processes that do not find each other."""

    def run_all(self, number, environment_of):
        output = self.folder / "out"
        arguments = ["analyze", "--model", SMALL, "--output", output]
        ends = [run_plainly(*arguments, **environment_of(rank)) for rank in range(number)]
        self.assertFalse(output.exists())
        for end in ends[1:]:
            self.assertEqual((end.returncode, end.stdout, end.stderr), (0, "", ""))
        return ends[0]

    def test_srun_without_pmi(self):
        self.refused(self.run_all(3, lambda rank: {**task(rank, 3), **NO_MPI}), "3 tasks",
                     "srun --mpi=pmix", "mpirun.sbatch")

    def test_what_needs_no_others_is_said_once(self):
        self.assertIn("Exit status", self.done("--help", **task(0, 4)))
        self.assertEqual(self.done("--help", **task(3, 4)), "")
        self.refused(run_plainly("--outptu", "x", **task(0, 4)), "did you mean --output?")

    def test_the_mpirun_of_another_mpi(self):
        def rank_of_mpich(rank):
            return {"PMI_RANK": str(rank), "PMI_SIZE": "2", "PMI_FD": "99"}
        self.refused(self.run_all(2, rank_of_mpich), "2 processes were started", "mpirun")

    def test_one_process_alone_when_it_is_wished(self):
        self.done("analyze", "--model", SMALL, "--output", self.folder / "out", ALPHAPRUNE_MPI="0",
                  **task(2, 4), **NO_MPI)


class Supervision(StartTest):
    @contextlib.contextmanager
    def at_work(self, **variables):
        """A run that is at work, and its processes."""
        output = self.folder / f"out{len(list(self.folder.iterdir()))}"
        command = [PROGRAM, "analyze", "--synthetic", "--model", "7b", "--output", str(output)]
        with subprocess.Popen(command, env={**PLAIN, **variables}, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as run:
            try:
                deadline = time.monotonic() + 60
                while not (output / "journal").exists():
                    self.assertLess(time.monotonic(), deadline)
                    self.assertIsNone(run.poll())
                    time.sleep(0.05)
                yield run, set(processes_with(output))
            finally:
                run.kill()

    def test_a_process_waits_beside_each_rank(self):
        with self.at_work() as (run, processes):
            self.assertEqual(len(processes), 2)
            self.assertIn(run.pid, processes)
            run.send_signal(signal.SIGTERM)
            self.assertEqual(run.wait(60), 75)

    def test_unless_it_is_not_wanted(self):
        with self.at_work(ALPHAPRUNE_SUPERVISE="0") as (run, processes):
            self.assertEqual(processes, {run.pid})
            run.send_signal(signal.SIGTERM)
            self.assertEqual(run.wait(60), 75)

    def test_it_calls_a_killed_rank_as_the_launcher_does(self):
        with self.at_work(PALS_RANKID="5") as (run, processes):
            (worker,) = processes - {run.pid}
            os.kill(worker, signal.SIGKILL)
            self.assertEqual(run.wait(60), 1)
            self.assertIn("rank 5 (host", run.stderr.read())

    def test_ranks_of_mpirun_without_it(self):
        self.succeed(SMALL, self.folder / "out", "--metric", "alpha_mid", ranks=2,
                     environment={"ALPHAPRUNE_SUPERVISE": "0"})

    def test_a_value_that_says_neither(self):
        for variable in ("ALPHAPRUNE_SUPERVISE", "ALPHAPRUNE_MPI"):
            self.refused(run_plainly("--help", **{variable: "perhaps"}), variable, "1 or 0")


if __name__ == "__main__":
    unittest.main()
