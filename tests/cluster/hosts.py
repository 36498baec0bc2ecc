"""Hosts that are network namespaces, each with a name of its own, joined by TCP, for the tests that
run ranks on several hosts."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from watched import MPIEXEC, wait_until

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = os.environ["PROGRAM_UNDER_TEST"]
BOOKS = HERE.parents[1] / "data" / "books-7m"
HOSTS = 4
PREFIX = f"ap{os.getpid()}n"
NETWORK = "10.231.77.0/24"


def host(number):
    return f"{PREFIX}{number}"


def exec_on(number):
    return [HERE / "netns_exec.sh", host(number)]


def mpirun(mpirun_host=1, hosts=(1, 2, 3, 4), slots=2):
    """mpirun, started on one host, for ranks on these; NETWORK because the cards' names are the
    same on all of them."""
    settings = {"plm": "rsh", "plm_rsh_agent": HERE / "netns_exec.sh",
                "oob_tcp_if_include": NETWORK, "btl_tcp_if_include": NETWORK}
    return [*exec_on(mpirun_host), MPIEXEC,
            *(word for name, value in settings.items() for word in ("--mca", name, str(value))),
            "--host", ",".join(f"{host(number)}:{slots}" for number in hosts)]


def processes():
    """Numbers of all processes on the hosts."""
    return [int(pid) for number in range(1, HOSTS + 1)
            for pid in subprocess.run(["ip", "netns", "pids", host(number)], capture_output=True,
                                      text=True, check=True).stdout.split()]


def set_link(number, state):
    subprocess.run(["ip", "-n", f"{PREFIX}switch", "link", "set", f"port{number}", state],
                   check=True)


def reaches(number, other):
    """Whether packets come through: a port where nobody listens answers, too."""
    done = subprocess.run(["ip", "netns", "exec", host(number), "timeout", "1", "bash", "-c",
                           f"exec 3<>/dev/tcp/10.231.77.{other}/9"], capture_output=True, text=True,
                          check=False)
    return "refused" in done.stderr


class HostsTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="alphaprune-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.clear_hosts)

    def clear_hosts(self):
        for pid in processes():
            os.kill(pid, signal.SIGKILL)
        for number in range(1, HOSTS + 1):
            set_link(number, "up")
        for number in range(2, HOSTS + 1):
            self.assertTrue(wait_until(lambda: reaches(1, number) and reaches(number, 1), 30))


def reason_to_skip():
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if not shutil.which("ip") or not shutil.which("unshare"):
        return "ip (iproute2) or unshare (util-linux) is missing"
    made = subprocess.run([HERE / "netns_up.sh", PREFIX, str(HOSTS)], capture_output=True,
                          text=True, check=False)
    return f"no network namespaces here: {made.stderr}" if made.returncode else None


def main():
    """Runs the tests of the calling script on hosts made for them; exit status 77 says why not."""
    try:
        if reason := reason_to_skip():
            print(f"skipped: {reason}")
            sys.exit(77)
        unittest.main()
    finally:
        if os.geteuid() == 0 and shutil.which("ip"):
            subprocess.run([HERE / "netns_down.sh", PREFIX], check=False)
