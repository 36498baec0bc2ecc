"""What the tests of the whole program share: starting it under mpirun, making model folders."""
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ["PROGRAM_UNDER_TEST"]
MPIEXEC = os.environ.get("MPIEXEC", "mpirun")
BOOKS = ROOT / "data" / "books-7m"
TINY = ROOT / "tests" / "data" / "models"
REFERENCE = ROOT / "tests" / "data" / "reference"


def is_built_with(library):
    """Whether the program has an optional library: ELPA, oneDNN, ScaLAPACK, SentencePiece."""
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return f"without {library}" not in version.stdout


LIBRARY_SOLVERS = [*(["elpa1", "elpa2"] if is_built_with("ELPA") else []),
                   *(["scalapack"] if is_built_with("ScaLAPACK") else [])]
GROUP_SOLVER = "elpa2" if "elpa2" in LIBRARY_SOLVERS else "two_stage"


def start(arguments, ranks=1, environment=None, timeout=100):
    """Runs the program to its end; its exit status, stdout and stderr."""
    command = [MPIEXEC, "-n", str(ranks), PROGRAM, *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, **(environment or {})}, timeout=timeout,
                          capture_output=True, text=True, check=False)


def processes_with(word):
    """The program's processes that have this word on their command line, each with its parent."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            state, parent = (entry / "stat").read_text().rpartition(") ")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if words[0] == os.fsencode(PROGRAM) and os.fsencode(str(word)) in words and state not in "ZX":
            found[int(entry.name)] = int(parent)
    return found


def kill_with_ranks(run, word):
    """Ends mpiexec and the ranks that have this word on their command line, which without it would
    go on for a while, perhaps to the end."""
    for pid in [*processes_with(word), run.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def workers_with(word):
    """Those of them that do the work, each with the one that was started and waits for it. (While MPI
    starts, each has a child of its own.)"""
    found = processes_with(word)
    return {pid: parent for pid, parent in found.items()
            if parent in found and found[parent] not in found}


def ranks_with(word):
    """Those of them that do the work, by rank."""
    ranks = {}
    for pid in workers_with(word):
        try:
            environment = (pathlib.Path("/proc") / str(pid) / "environ").read_bytes()
        except OSError:
            continue
        if rank := re.search(rb"\0OMPI_COMM_WORLD_RANK=(\d+)", environment):  # else it is ending
            ranks[int(rank[1])] = pid
    return [ranks[rank] for rank in sorted(ranks)]


class ProgramTest(unittest.TestCase):
    """A test case with a folder of its own, `folder`, and one that it shares with the others of its
    class, `shared`, for what several of them read and none changes."""

    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="alphaprune-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="alphaprune-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_model(self, model, output, *more, ranks=1, environment=None):
        return start(["--model", model, "--output", output, *more], ranks, environment)

    def succeed(self, *arguments, **options):
        done = self.run_model(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return done

    def report(self, output):
        return json.loads((output / "report.json").read_text())

    def text_of(self, tokens):
        """The first tokens of a text, for perplexities."""
        text = self.folder / f"{tokens}-tokens.npy"
        np.save(text, np.load(BOOKS / "eval_short.npy")[:tokens])
        return text

    def copy_of(self, model, name="model"):
        """A writable copy of a model folder."""
        copy = self.folder / name
        shutil.copytree(model, copy)
        return copy


def read_safetensors(path):
    """Header (with __metadata__) and data bytes of a safetensors file."""
    raw = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8:8 + length]), bytearray(raw[8 + length:])


def tensors_of(folder):
    """{name: (dtype, shape, bytes)} of all shards of a model folder."""
    tensors = {}
    for shard in sorted(folder.glob("*.safetensors")):
        header, data = read_safetensors(shard)
        header.pop("__metadata__", None)
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            tensors[name] = (entry["dtype"], entry["shape"], bytes(data[begin:end]))
    return tensors


def write_safetensors(path, header, data):
    """Writes header (a dict, or bytes as they are) and data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + bytes(data))
