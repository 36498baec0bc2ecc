"""What the benchmarks written in Python share: starting the program, reading its report."""
import json
import os
import pathlib
import subprocess
import tempfile
import time

ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "OPENBLAS_NUM_THREADS": "1"}


def start(command):
    """Runs a command to its end and returns its stdout; stops with its stderr when it fails."""
    done = subprocess.run([str(word) for word in command], env={**os.environ, **ENVIRONMENT},
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def run_program(program, ranks, arguments, also=None):
    """Runs the program into a temporary folder: its report and the seconds of the whole command.
    `also` is called with the output folder before it is removed."""
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "out"
        begin = time.monotonic()
        start(["mpirun", "-n", ranks, program, *arguments, "--output", output])
        seconds = time.monotonic() - begin
        report = json.loads((output / "report.json").read_text())
        if also is not None:
            also(output)
        return report, seconds
