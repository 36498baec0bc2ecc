"""Ranks of one host that are killed, halted, suspended, asked to stop, or fail."""
import os
import pathlib
import signal
import tempfile
import time
import unittest

from watched import JOB, LONGEST, Job, WatchedJob, children, living, runs, wait_until


class Watch(unittest.TestCase):
    def ends_with(self, job, *phrases):
        """The job ends by itself, leaves no process, and says one thing once."""
        status = job.finish()
        text = job.stderr()
        self.assertNotEqual(status, 0, text)
        self.assertEqual(text.count("error: "), 1, text)
        for phrase in phrases:
            self.assertIn(phrase, text)
        self.assertTrue(wait_until(lambda: not job.ranks_left(), LONGEST), job.ranks_left())
        return status

    def test_a_killed_rank_is_named_with_its_process(self):
        for rank in (0, 1, 3):
            with self.subTest(rank=rank), WatchedJob(4, 20, 60) as job:
                job.signal(rank, signal.SIGKILL)
                status = self.ends_with(
                    job, f"error: rank {rank} (host {job.hosts[rank]}, process {job.pids[rank]}) "
                         "has died", "--resume", "memory")
                self.assertEqual(status, 1)

    def test_the_only_rank_is_named_too(self):
        for number, name, remedy in ((signal.SIGKILL, "Killed", "memory"),
                                     (signal.SIGSEGV, "Segmentation fault", "report it")):
            with self.subTest(number=number), WatchedJob(1, 20, 60) as job:
                job.signal(0, number)
                status = self.ends_with(
                    job, f"error: rank 0 (host {job.hosts[0]}, process {job.pids[0]}) was ended "
                         f"by signal {int(number)} ({name})", "--resume", remedy)
                self.assertEqual(status, 1)

    def test_without_the_process_that_was_started_none_is_left(self):
        with WatchedJob(4, 20, 60) as job:
            os.kill(living(job.pids[2])[1], signal.SIGKILL)
            self.assertNotEqual(job.finish(), 0)
            self.assertTrue(wait_until(lambda: not job.ranks_left(), LONGEST), job.ranks_left())

    def test_a_rank_is_killed_while_mpi_starts_and_its_launcher_waits_for_ever(self):
        """As Open MPI 4.1's mpirun does now and then, which this script stands for."""
        with tempfile.TemporaryDirectory() as folder:
            launcher = pathlib.Path(folder) / "mpirun"
            launcher.write_text('#!/bin/sh\n"$@"\nwhile :; do sleep 1; done\n')
            launcher.chmod(0o755)
            with Job([launcher, JOB, 20000, 60]) as job:
                chain = [job.process.pid]  # launcher, what it started, what works, its guard
                wait_until(lambda: chain.extend(children(chain[-1])[:1]) or len(chain) == 4,
                           10, 0)
                self.assertEqual(len(chain), 4)
                os.kill(chain[2], signal.SIGKILL)
                self.assertEqual(job.finish(), -signal.SIGKILL, job.stderr())
                self.assertIn("was ended by signal 9", job.stderr())
                self.assertTrue(wait_until(lambda: not runs(chain[3]), LONGEST))
        with WatchedJob(2, 20, 60) as job:
            self.assertEqual([children(pid) for pid in job.pids.values()], [[], []])

    def test_a_halted_rank_is_missed(self):
        for rank in (0, 2):
            with self.subTest(rank=rank), WatchedJob(4, 3, 60) as job:
                began = time.monotonic()
                job.signal(rank, signal.SIGSTOP)
                status = self.ends_with(
                    job, f"error: rank {rank} (host {job.hosts[rank]}) has not been heard of "
                         "for 3 s", "--resume")
                self.assertEqual(status, 1)
                self.assertGreater(time.monotonic() - began, 2.9)

    def test_a_job_that_is_suspended_and_continued_goes_on(self):
        with WatchedJob(4, 3, 8) as job:
            for rank in job.pids:
                job.signal(rank, signal.SIGSTOP)
            time.sleep(6)
            for rank in job.pids:
                job.signal(rank, signal.SIGCONT)
            self.assertEqual(job.finish(), 0, job.stderr())
            self.assertEqual(job.stderr(), "")

    def test_a_broken_connection_ends_no_rank(self):
        """What its system sends a rank that writes to one that is gone."""
        with WatchedJob(2, 20, 2) as job:
            job.signal(1, signal.SIGPIPE)
            self.assertEqual(job.finish(), 0, job.stderr())
            self.assertEqual(job.stderr(), "")

    def test_of_several_failures_one_is_said(self):
        with WatchedJob(5, 20, 60, "fail", 1, "fail", 3, "fail", 4) as job:
            self.assertEqual(self.ends_with(job, "error: fault"), 2)
        with WatchedJob(2, 20, 60, "fail", 0) as job:
            self.assertEqual(self.ends_with(job, "alphaprune_mpi: on rank 0 (", "error: fault 0"),
                             2)
        with WatchedJob(1, 20, 60, "fail", 0) as job:
            self.assertEqual(self.ends_with(job, "error: fault 0"), 2)

    def test_a_signal_to_one_rank_stops_all(self):
        for ranks, number in ((4, signal.SIGUSR1), (1, signal.SIGTERM)):
            with self.subTest(ranks=ranks), WatchedJob(ranks, 20, 60) as job:
                job.signal(ranks - 1, number)
                self.assertEqual(job.finish(10), 75, job.stderr())
                self.assertIn(f"stopped: {number.name} came", job.stderr())
                self.assertEqual(job.stderr().count("stopped: "), ranks)

    def test_a_file_stops_all(self):
        for ranks in (1, 3):
            with self.subTest(ranks=ranks), tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder) / "stop"
                with WatchedJob(ranks, 20, 60, "stop_file", file) as job:
                    file.touch()
                    self.assertEqual(job.finish(10), 75, job.stderr())
                    self.assertIn(f"stopped: the file {file} was made", job.stderr())


if __name__ == "__main__":
    unittest.main()
