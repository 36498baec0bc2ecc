"""A local Slurm for tests (slurm/local-cluster.sh), jobs submitted to it, and what becomes of them."""
import os
import pathlib
import re
import shutil
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "slurm" / "local-cluster.sh"
FOLDER = pathlib.Path(os.environ.get("LOCAL_CLUSTER_DIR", "/run/alphaprune-slurm-test"))


def why_not():
    """The reason why there can be no cluster here, or nothing."""
    if os.geteuid() != 0:
        return "only root can start Slurm's daemons"
    namespaces = ["unshare", "--mount", "--uts", "--pid", "--fork", "true"]
    if subprocess.run(namespaces, capture_output=True, check=False).returncode != 0:
        return "may not make namespaces here"
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch")
               if not shutil.which(name)]
    return f"not installed: {', '.join(missing)}" if missing else None


def cores():
    """Of this machine, each once however many threads it has."""
    shown = subprocess.run(["lscpu", "--parse=core,socket"], capture_output=True, text=True,
                           check=True).stdout
    return len({line for line in shown.splitlines() if not line.startswith("#")})


def wait_for(condition, seconds, what):
    """Polls until `condition()` is true; its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


class Cluster:
    def __init__(self, nodes, slurmd_timeout=10):
        self.environment = {**os.environ, "LOCAL_CLUSTER_DIR": str(FOLDER),
                            "SLURMD_TIMEOUT": str(slurmd_timeout)}
        self.manage("stop")
        self.manage("start", str(nodes), "2")
        self.environment["SLURM_CONF"] = str(FOLDER / "slurm.conf")

    def manage(self, *words):
        self.run(str(SCRIPT), *words)

    def run(self, *command, **variables):
        done = subprocess.run(command, env={**self.environment, **variables}, cwd=ROOT, check=False,
                              capture_output=True, text=True, timeout=100)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n"
                                 f"{done.stdout}{done.stderr}")
        return done.stdout

    def idle_nodes(self):
        return int(self.run("sinfo", "--noheader", "--states=idle", "--format=%D").strip() or 0)

    def submit(self, script, log, *options, **variables):
        """A job of one of the scripts in slurm/; variables are those at their top."""
        number = self.run("sbatch", "--parsable", f"--output={log}", *options,
                          str(ROOT / "slurm" / script), **variables)
        return Job(self, int(number), pathlib.Path(log))


class Job:
    def __init__(self, cluster, number, log):
        self.cluster, self.number, self.log_file = cluster, number, log

    def field(self, name):
        shown = self.cluster.run("scontrol", "--oneliner", "show", "job", str(self.number))
        return re.search(rf"\b{name}=(\S*)", shown)[1]

    def log(self):
        return self.log_file.read_text() if self.log_file.exists() else ""

    def ended(self):
        return self.field("JobState") in ("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL")

    def wait_until_ended(self, seconds):
        wait_for(self.ended, seconds, f"the end of job {self.number}; its log:\n{self.log()}")

    def statuses(self):
        """What each part of the job ended with, as its log says."""
        return [int(status) for status in re.findall(r"job \d+: status (\d+)$", self.log(), re.M)]
