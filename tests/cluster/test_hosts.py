"""Ranks on several hosts, each a network namespace with a name of its own, joined by TCP: in good
order, and with one host's link cut in mid-run. Needs root; exit status 77 says why it is skipped."""
import json
import signal
import subprocess
import time

import h5py
import numpy as np

from hosts import BOOKS, HOSTS, PROGRAM, HostsTest, host, main, mpirun, processes, set_link
from watched import LONGEST, MPIEXEC, Job, WatchedJob, wait_until


def bytes_sent(number):
    counter = "/sys/class/net/eth0/statistics/tx_bytes"
    return int(subprocess.run(["ip", "netns", "exec", host(number), "cat", counter],
                              capture_output=True, text=True, check=True).stdout)


class InGoodOrder(HostsTest):
    def test_ranks_are_where_they_were_sent_and_part_in_peace(self):
        with WatchedJob(8, 5, 2, launcher=mpirun()) as job:
            self.assertEqual(job.finish(), 0, job.stderr())
            self.assertEqual(job.stderr(), "")
            self.assertEqual(job.hosts, {rank: host(1 + rank // 2) for rank in range(8)})

    def test_a_signal_to_a_rank_far_away_stops_all(self):
        with WatchedJob(8, 5, 60, launcher=mpirun()) as job:
            job.signal(7, signal.SIGUSR1)
            self.assertEqual(job.finish(), 75, job.stderr())
            self.assertIn("stopped: SIGUSR1 came", job.stderr())

    def test_a_rank_alone_on_its_host_that_is_killed_is_named(self):
        for rank in (0, 2):
            with self.subTest(rank=rank), WatchedJob(4, 20, 60, launcher=mpirun(slots=1)) as job:
                self.assertEqual(job.hosts[rank], host(1 + rank))
                job.signal(rank, signal.SIGKILL)
                self.assertEqual(job.finish(), 1, job.stderr())
                self.assertIn(f"rank {rank} (host {job.hosts[rank]}, process {job.pids[rank]}) was "
                              "ended by signal 9", job.stderr())
                self.assertEqual(job.stderr().count("error: "), 1, job.stderr())
                self.assertIn("--resume", job.stderr())
                self.assertTrue(wait_until(lambda: not processes(), LONGEST), processes())

    def test_the_main_job_computes_what_one_host_computes(self):
        outputs = {"one": [MPIEXEC, "-n", "2"], "four": [*mpirun(slots=1), "-n", str(HOSTS)]}
        before = bytes_sent(2)
        for name, launcher in outputs.items():
            with Job([*launcher, PROGRAM, "run", "--model", BOOKS, "--output",
                      self.folder / name]) as job:
                self.assertEqual(job.finish(120), 0, job.stderr())
        self.assertGreater(bytes_sent(2) - before, 10_000, "ranks did not talk over the network")
        reports = {name: json.loads((self.folder / name / "report.json").read_text())
                   for name in outputs}
        self.assertEqual(len(reports["four"]["run"]["hosts"]), HOSTS)
        for report in reports.values():
            for matrix in report["matrices"]:
                for measured in ("seconds", "solver", "group_ranks"):
                    matrix.pop(measured, None)
        self.assertEqual(reports["one"]["matrices"], reports["four"]["matrices"])
        with h5py.File(self.folder / "one" / "checkpoint.h5") as one, \
                h5py.File(self.folder / "four" / "checkpoint.h5") as four:
            self.assertEqual(list(one["tensors"]), list(four["tensors"]))
            self.assertGreater(len(one["tensors"]), 10)
            for tensor in one["tensors"]:
                np.testing.assert_array_equal(one["tensors"][tensor][()],
                                              four["tensors"][tensor][()], tensor)


class LinkCut(HostsTest):
    def cut(self, job, number, watchers=1):
        """@param watchers  how many ranks may notice at the same time and tell it"""
        set_link(number, "down")
        began = time.monotonic()
        status = job.finish()
        text = job.stderr()
        self.assertNotEqual(status, 0, text)
        self.assertIn(text.count("error: "), range(1, watchers + 1), text)
        self.assertRegex(text, "ha(s|ve) not been heard of for 5 s")
        self.assertIn("--resume", text)
        left = LONGEST - (time.monotonic() - began)
        self.assertTrue(wait_until(lambda: not processes(), left), processes())
        return text

    def test_a_host_is_named_and_everything_is_over(self):
        with WatchedJob(8, 5, 90, launcher=mpirun()) as job:
            text = self.cut(job, 3)
            self.assertIn(f"ranks 4, 5 (host {host(3)})", text)
            self.assertIn(f"alphaprune_mpi: on rank 0 ({host(1)})", text)

    def test_also_when_the_host_of_mpirun_is_cut_off(self):
        with WatchedJob(8, 5, 90, launcher=mpirun()) as job:
            text = self.cut(job, 1)
            for number in (2, 3, 4):
                self.assertIn(host(number), text)

    def test_also_when_rank_0_is_cut_off(self):
        # Left alone, mpirun puts rank 0 on its own host.
        places = self.folder / "places"
        places.write_text("".join(f"rank {rank}={host(1 + rank // 2)} slot=0\n"
                                  for rank in range(8)))
        with WatchedJob(8, 5, 90,
                        launcher=[*mpirun(mpirun_host=2), "--rankfile", places]) as job:
            self.assertEqual(job.hosts[0], host(1))
            text = self.cut(job, 1, watchers=2)  # the next rank, and one that rank 0 told first
            self.assertIn(f"(host {host(1)})", text)

    def test_also_the_program_itself_which_then_goes_on_elsewhere(self):
        output = self.folder / "out"
        run = ["-n", "4", PROGRAM, "run", "--model", BOOKS, "--output", output, "--resume",
               "--prune-method", "sparsegpt", "--calibration", BOOKS / "calibration.npy",
               "--nsamples", "64", "--peer-timeout", "5"]
        with Job([*mpirun(slots=1), *run]) as job:
            self.assertTrue(wait_until(lambda: (output / "run.log").exists(), 60), job.stderr())
            self.assertIn(f"rank 2 (host {host(3)})", self.cut(job, 3))
        self.assertFalse((output / "checkpoint.h5").exists())
        with Job([MPIEXEC, *run]) as job:
            self.assertEqual(job.finish(200), 0, job.stderr())
        self.assertTrue((output / "checkpoint.h5").exists())


if __name__ == "__main__":
    main()
