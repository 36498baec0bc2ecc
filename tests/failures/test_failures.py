"""Every kind of failure, on several numbers of ranks: the run ends soon, says once what happened and
what to do, and a later --resume gives the bytes of a run that nothing happened to. Failures that can
be lived with are lived with."""
import errno
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "program"))
from harness import BOOKS, MPIEXEC, PROGRAM, TINY, ProgramTest, ranks_with  # noqa: E402

SHIM = os.environ["FAULT_SHIM"]
RANKS = (1, 2, 4)
LIMIT = 30  # seconds within which a run must have ended after its failure
SLOW = {"FAULT": "slow_read", "FAULT_FILE": "model.safetensors"}  # for failures in mid-run


class Failures(ProgramTest):
    expected = {}  # bytes of an undisturbed run

    def setUp(self):
        super().setUp()
        self.model = self.copy_of(BOOKS)
        self.output = self.folder / "out"

    def command(self, ranks, *more):
        return [str(word) for word in
                (MPIEXEC, "-n", ranks, PROGRAM, "--model", self.model, "--output", self.output,
                 "--sparsity-ratio", "0.6", "--resume", *more)]

    @staticmethod
    def environment(fault):
        preloaded = {"LD_PRELOAD": SHIM} if fault else {}
        return {**os.environ, **preloaded, **fault, "SOURCE_DATE_EPOCH": "1700000000"}

    def run_with(self, fault, ranks, *more):
        """Status and standard error of a run with a fault from its beginning."""
        done = subprocess.run(self.command(ranks, *more), env=self.environment(fault),
                              timeout=LIMIT + 30, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def run_until(self, ranks, happen, *more, fault=None):
        """The same for a failure that happens once the run is under way."""
        errors = self.folder / "errors"
        with open(errors, "w", encoding="utf-8") as log:
            process = subprocess.Popen(self.command(ranks, *more), stdout=subprocess.DEVNULL,
                                       stderr=log, env=self.environment(fault or SLOW))
        self.addCleanup(process.kill)
        end = time.monotonic() + LIMIT
        while "spectrum:" not in errors.read_text() and time.monotonic() < end:
            time.sleep(0.02)
        happen()
        status = process.wait(LIMIT)
        return status, errors.read_text()

    def bytes_of_run(self):
        files = {name: (self.output / name).read_bytes() for name in ("checkpoint.h5", "matrices.csv")}
        # Seconds differ, and who solved what.
        rows = files["matrices.csv"].decode().splitlines()
        names = rows[0].split(",")
        kept = [i for i, name in enumerate(names) if name not in ("solver", "group_ranks", "seconds")]
        files["matrices.csv"] = [[row.split(",")[i] for i in kept] for row in rows]
        return files

    def undisturbed(self):
        if not Failures.expected:
            output, self.output = self.output, self.folder / "undisturbed"
            status, errors = self.run_with({}, 2)
            self.assertEqual(status, 0, errors)
            Failures.expected = self.bytes_of_run()
            self.output = output
        return Failures.expected

    def expect_failure(self, status, errors, *parts, statuses=(1,)):
        self.assertIn(status, statuses, errors)
        self.assertEqual(errors.count("error: "), 1, errors)
        for part in (*parts, "remedy:", "--resume"):
            self.assertIn(part, errors)
        for name in ("checkpoint.h5", "report.json", "matrices.csv"):
            self.assertFalse((self.output / name).exists(), name)

    def expect_resumable(self, ranks):
        status, errors = self.run_with({}, ranks)
        self.assertEqual(status, 0, errors)
        self.assertEqual(self.bytes_of_run(), self.undisturbed())
        self.assertEqual([path.name for path in self.output.iterdir()
                          if path.name.endswith(".partial") or path.name == "journal"], [])

    def for_all_ranks(self, check, counts=RANKS):
        for ranks in counts:
            with self.subTest(ranks=ranks):
                shutil.rmtree(self.output, ignore_errors=True)
                check(ranks)

    def expect_fault(self, fault, *parts):
        """A fault on the last rank."""
        def check(ranks):
            status, errors = self.run_with({**fault, "FAULT_RANK": str(ranks - 1)}, ranks)
            self.expect_failure(status, errors, *parts, f"rank:   {ranks - 1} on host ")
            self.expect_resumable(ranks % 4 + 1)
        self.for_all_ranks(check)

    def test_no_space_for_rows(self):
        self.expect_fault({"FAULT": "full", "FAULT_FILE": "checkpoint.h5", "FAULT_AFTER": "5"},
                          "No space left on device", "free some space", "checkpoint.h5")

    def test_no_space_for_the_journal(self):
        self.expect_fault({"FAULT": "full", "FAULT_FILE": "/journal/records", "FAULT_AFTER": "20"},
                          "No space left on device", "journal")

    def test_rows_that_cannot_be_written(self):
        self.expect_fault({"FAULT": "broken_write", "FAULT_FILE": "checkpoint.h5",
                           "FAULT_AFTER": "9"}, "Input/output error", "checkpoint.h5")

    def test_rows_that_cannot_be_synced(self):
        self.expect_fault({"FAULT": "broken_sync", "FAULT_FILE": "checkpoint.h5"},
                          "Input/output error", "checkpoint.h5")

    def test_weights_that_cannot_be_read(self):
        self.expect_fault({"FAULT": "broken_read", "FAULT_FILE": "model.safetensors",
                           "FAULT_AFTER": "40"}, "Input/output error", "model.safetensors")

    def test_input_that_the_system_does_not_give(self):
        """Of any file, at any call: the system fails (1), the request is not wrong (2)."""
        tokens = self.folder / "tokens.npy"
        shutil.copy2(BOOKS / "eval.npy", tokens)
        text = ("--prune-method", "wanda", "--calibration", tokens, "--nsamples", "2", "--seqlen", "32")
        shards = self.sharded_model()
        calls = {"broken_open": (errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.EAGAIN,
                                 errno.ETIMEDOUT, errno.ENOMEM),
                 "broken_stat": (errno.EIO, errno.ESTALE), "broken_read": (errno.EIO, errno.ESTALE)}
        for model, file, options in ((BOOKS, "/config.json", ()), (BOOKS, "/model.safetensors", ()),
                                     (shards, "index.json", ()), (shards, "00002-of-", ()),
                                     (BOOKS, "tokens.npy", text), (BOOKS, "/tokenizer.model", ())):
            self.model = model
            for call, reasons in calls.items():
                if call == "broken_stat" and file in ("/config.json", "tokens.npy", "/tokenizer.model"):
                    continue  # the others are opened without looking at them before
                for reason in reasons if file == "/config.json" else reasons[:2]:
                    with self.subTest(file=file, call=call, reason=errno.errorcode[reason]):
                        shutil.rmtree(self.output, ignore_errors=True)
                        status, errors = self.run_with(
                            {"FAULT": call, "FAULT_FILE": file, "FAULT_ERRNO": str(reason)}, 1,
                            *options)
                        self.assertEqual(status, 1, errors)
                        self.assertIn(os.strerror(reason), errors)
                        self.assertIn(file.strip("/"), errors)
                        self.assertEqual(errors.count("error: "), 1, errors)

    def test_input_that_cannot_be(self):
        """The path is wrong (2)."""
        for reason in (errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOTDIR, errno.ELOOP,
                       errno.ENAMETOOLONG):
            for file in ("/config.json", "/model.safetensors"):
                with self.subTest(file=file, reason=errno.errorcode[reason]):
                    shutil.rmtree(self.output, ignore_errors=True)
                    status, errors = self.run_with({"FAULT": "broken_open", "FAULT_FILE": file,
                                                    "FAULT_ERRNO": str(reason)}, 1)
                    self.assertEqual(status, 2, errors)
                    self.assertIn(os.strerror(reason), errors)

    def test_a_journal_that_the_system_does_not_show_is_not_begun_anew(self):
        status, errors = self.run_with(
            {"FAULT": "broken_read", "FAULT_FILE": "model.safetensors", "FAULT_AFTER": "40"}, 1)
        self.assertEqual(status, 1, errors)
        before = {path.name: path.read_bytes() for path in (self.output / "journal").iterdir()}
        self.assertTrue(any(name.startswith("records") for name in before))
        for call in ("broken_stat", "broken_open"):
            status, errors = self.run_with({"FAULT": call, "FAULT_FILE": "/journal/run.json"}, 2)
            self.assertEqual(status, 1, errors)
            self.assertEqual(before, {path.name: path.read_bytes()
                                      for path in (self.output / "journal").iterdir()})
        self.expect_resumable(2)

    def sharded_model(self):
        """A model in two shards, with an index."""
        folder = self.folder / "shards"
        shutil.copytree(TINY / "tiny-qwen2", folder)
        return folder

    def test_a_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        disk = self.folder / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        self.output = disk / "out"

        def check(ranks):
            ballast = disk / "ballast"

            def fill():
                with open(ballast, "wb", buffering=0) as file:
                    try:
                        while file.write(bytes(1 << 16)):
                            pass
                    except OSError:
                        pass
            status, errors = self.run_until(ranks, fill)
            self.expect_failure(status, errors, "No space left on device", str(disk))
            ballast.unlink()
            self.expect_resumable(ranks)
        self.for_all_ranks(check)

    def test_a_shard_that_is_truncated(self):
        weights = self.model / "model.safetensors"
        whole = self.folder / "whole"
        shutil.copy2(weights, whole)

        def check(ranks):
            status, errors = self.run_until(ranks, lambda: os.truncate(weights, 200000))
            self.assertEqual(status, 1, errors)
            self.assertRegex(errors, "the file ends at byte|the file has changed")
            self.assertIn("model.safetensors", errors)
            shutil.copy2(whole, weights)
            self.expect_resumable(ranks)
        self.for_all_ranks(check)

    def test_a_file_that_changes(self):
        weights = self.model / "model.safetensors"
        whole = self.folder / "whole"
        shutil.copy2(weights, whole)

        def change():
            with open(weights, "r+b") as file:
                file.seek(-100, os.SEEK_END)
                file.write(b"\1\2")

        def check(ranks):
            status, errors = self.run_until(ranks, change)
            self.assertEqual(status, 1, errors)
            self.assertIn("the file has changed since the run began", errors)
            refused, text = self.run_with({}, ranks)
            self.assertEqual(refused, 2, text)
            self.assertIn("the unfinished run differs in the model's file model.safetensors", text)
            shutil.copy2(whole, weights)
            self.expect_resumable(ranks)
        self.for_all_ranks(check)

    def test_memory_that_runs_out(self):
        def check(ranks):
            def starve():
                # In the middle of the spectra: MPI itself ends at once where it finds no memory.
                end = time.monotonic() + LIMIT
                while not list(self.output.glob("journal/records*")) and time.monotonic() < end:
                    time.sleep(0.02)
                rank = ranks_with(self.output)[-1]
                status = pathlib.Path(f"/proc/{rank}/status").read_text()
                size = next(int(line.split()[1]) for line in status.splitlines()
                            if line.startswith("VmSize:"))
                resource.prlimit(rank, resource.RLIMIT_AS, (size * 1024, size * 1024))
            fault = {**SLOW, "FAULT_FILE": "model.safetensors"}
            status, errors = self.run_until(ranks, starve, fault=fault)
            self.expect_failure(status, errors, "out of memory", "fewer ranks")
            self.expect_resumable(ranks)
        self.for_all_ranks(check)

    def test_a_rank_that_is_killed(self):
        def check(ranks):
            status, errors = self.run_until(
                ranks, lambda: os.kill(ranks_with(self.output)[-1], signal.SIGKILL))
            self.expect_failure(status, errors, f"rank {ranks - 1} (host ", "memory")
            self.expect_resumable(ranks)
        self.for_all_ranks(check)

    def test_a_rank_that_crashes(self):
        def check(ranks):
            status, errors = self.run_until(
                ranks, lambda: os.kill(ranks_with(self.output)[0], signal.SIGSEGV))
            self.expect_failure(status, errors, "rank 0 (host ")
            self.expect_resumable(ranks)
        self.for_all_ranks(check)

    def test_a_rank_that_is_frozen(self):
        def check(ranks):
            frozen = []

            def freeze():
                frozen.append(ranks_with(self.output)[-1])
                os.kill(frozen[0], signal.SIGSTOP)
            status, errors = self.run_until(ranks, freeze, "--peer-timeout", "3")
            self.expect_failure(status, errors, "has not been heard of")
            self.expect_resumable(ranks)
        self.for_all_ranks(check, (2, 3, 4))

    def test_a_slow_rank_is_waited_for(self):
        def check(ranks):
            status, errors = self.run_with({**SLOW, "FAULT_RANK": "0"}, ranks, "--peer-timeout", "3")
            self.assertEqual(status, 0, errors)
            self.assertEqual(self.bytes_of_run(), self.undisturbed())
        self.for_all_ranks(check)

    def test_short_reads_and_writes_are_gone_on_with(self):
        def check(ranks):
            for file in ("model.safetensors", "checkpoint.h5", "/journal/"):
                shutil.rmtree(self.output, ignore_errors=True)
                status, errors = self.run_with({"FAULT": "short", "FAULT_FILE": file}, ranks)
                self.assertEqual(status, 0, errors)
                self.assertEqual(self.bytes_of_run(), self.undisturbed())
        self.for_all_ranks(check)

    def test_a_computation_that_does_not_stop_when_asked_to(self):
        def check(ranks):
            def ask():
                time.sleep(0.5)
                for rank in ranks_with(self.output):
                    os.kill(rank, signal.SIGUSR1)
            status, errors = self.run_until(ranks, ask, fault={"FAULT": "endless_solver"})
            self.assertEqual(status, 75, errors)
            self.assertEqual(errors.count("stopped early (SIGUSR1 came) in the middle of a "
                                          "computation: what is done is kept in"), 1, errors)
            self.expect_resumable(ranks)
        self.for_all_ranks(check)

    def test_a_solver_that_fails_is_followed_by_another(self):
        def check(ranks):
            status, errors = self.run_with(
                {"FAULT": "wrong_eigenvalues", "FAULT_AFTER": "3", "FAULT_TIMES": "1"}, ranks,
                "--solver", "two_stage")
            self.assertEqual(status, 0, errors)
            self.assertIn("solver two_stage failed; the spectrum was computed by", errors)
            masks = self.bytes_of_run()["matrices.csv"]
            ratio = masks[0].index("zeros")
            self.assertEqual([row[ratio] for row in masks],
                             [row[ratio] for row in self.undisturbed()["matrices.csv"]])
        self.for_all_ranks(check)


if __name__ == "__main__":
    unittest.main()
