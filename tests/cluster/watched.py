"""What the tests of the job watch share: a job of ranks that compute, started and disturbed."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

JOB = os.environ.get("WATCHED_JOB", "")
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")
LONGEST = 30  # seconds in which a job must be over once something has gone wrong


class Job:
    """A command under way, its output in files so that nobody waits for a pipe."""

    def __init__(self, command, environment=None):
        self.out = tempfile.TemporaryFile("w+")
        self.err = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*map(str, command)], stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err,
            env={**os.environ, **(environment or {})}, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.out.close()
        self.err.close()

    def stdout(self):
        self.out.seek(0)
        return self.out.read()

    def stderr(self):
        self.err.seek(0)
        return self.err.read()

    def finish(self, within=LONGEST):
        """Its exit status; TimeoutError when it is not over by then."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"not over after {within} s: {self.stderr()}") from None


class WatchedJob(Job):
    """watched_job under mpirun; ready when all its ranks have said where they are."""

    def __init__(self, ranks, peer_timeout, seconds, *more, launcher=(MPIEXEC,), environment=None):
        super().__init__([*launcher, "-n", ranks, JOB, int(peer_timeout * 1000), seconds, *more],
                         environment)
        self.pids = {}
        self.hosts = {}
        wait_until(lambda: self.read_places() == ranks or self.process.poll() is not None, 60)

    def read_places(self):
        for rank, host, pid in re.findall(r"^rank (\d+) host (\S+) pid (\d+)$", self.stdout(),
                                          re.MULTILINE):
            self.pids[int(rank)] = int(pid)
            self.hosts[int(rank)] = host
        return len(self.pids)

    def __exit__(self, *_):
        self.read_places()
        for pid in self.pids.values():
            if runs(pid):
                os.kill(pid, signal.SIGKILL)
        super().__exit__()

    def signal(self, rank, number):
        os.kill(self.pids[rank], number)

    def ranks_left(self):
        return [rank for rank, pid in self.pids.items() if runs(pid)]


def living(pid):
    """Name and parent of a process; nothing when it has died."""
    try:
        start, _, rest = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = rest.split()[:2]
    return None if state in "ZX" else (start.partition("(")[2], int(parent))


def runs(pid):
    """Whether this is a process of ours that has not died."""
    found = living(pid)
    return found is not None and found[0] == "watched_job"


def children(pid):
    """Its living children, in the order of their numbers."""
    numbers = sorted(int(path.name) for path in pathlib.Path("/proc").glob("[0-9]*"))
    return [number for number in numbers if (found := living(number)) and found[1] == pid]


def wait_until(condition, within, pause=0.1):
    """Whether the condition came true in time."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True
