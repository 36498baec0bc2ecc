"""jobs/*.cfg: what each asks for is understood, can be planned for the model that it names, and would be
done with a small one; --dry-run, which shows that without doing anything."""
import os
import pty
import subprocess
import unittest

from harness import BOOKS, PROGRAM, ROOT, TINY, ProgramTest, start

JOBS = sorted((ROOT / "jobs").glob("*.cfg"))
RATES = ["--dgemm-gflops", 50, "--read-gbps", 2, "--write-gbps", 1, "--memory-gbps", 10]
CALIBRATION = BOOKS / "calibration.npy"


def settings_of(file):
    lines = [line.split("#")[0].strip() for line in file.read_text().splitlines()]
    return dict((part.strip() for part in line.split("=", 1)) for line in lines if line)


class JobFiles(ProgramTest):
    def test_there_are_some(self):
        self.assertGreater(len(JOBS), 5)
        for file in JOBS:
            self.assertIn(f"--config jobs/{file.name}", file.read_text())

    def test_each_can_be_planned(self):
        for file in JOBS:
            with self.subTest(file=file.name):
                done = start(["plan", "--config", file, "--ranks", 64, "--ranks-per-node", 32, *RATES],
                             environment={"ALPHAPRUNE_MODEL_ROOT": str(self.folder)})
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertRegex(done.stdout, r"billion weights[^\0]*\nwhole +\d")

    def test_each_would_be_done(self):
        for file in JOBS:
            settings = settings_of(file)
            magnitude = settings.get("prune-method") == "magnitude"
            with self.subTest(file=file.name):
                output = self.folder / file.stem
                done = start(["--config", file, "--model", BOOKS, "--output", output, "--dry-run",
                              *([] if magnitude else ["--calibration", CALIBRATION, "--nsamples", 8,
                                                      "--seqlen", 128])])
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertFalse(output.exists())
                for name in ("sparsity-ratio", "prune-method", "sparsity-type", "allocation"):
                    self.assertIn(settings.get(name, ""), done.stdout)


class DryRun(ProgramTest):
    def everything(self):
        return sorted(self.folder.rglob("*"))

    def test_nothing_is_written(self):
        before = self.everything()
        for ranks, command in ((1, "run"), (2, "run"), (2, "analyze")):
            output = self.folder / "out"
            done = start([command, "--model", TINY / "tiny-mistral", "--output", output, "--dry-run"],
                         ranks)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("dry run: nothing is written", done.stdout)
            self.assertIn(f"would {'prune' if command == 'run' else 'compute'}", done.stdout)
            self.assertIn(f"{ranks} rank", done.stdout)
            self.assertRegex(done.stdout, r"\nwhole +\d")
            self.assertEqual(self.everything(), before)

    def test_a_sweep_shows_its_runs(self):
        before = self.everything()
        output = self.folder / "out"
        words = ["sweep", "--model", TINY / "tiny-mistral", "--output", output, "--sparsity-ratio",
                 "0.5,0.6", "--allocation", "uniform,alphapruning", "--dry-run"]
        done = start(words, 2)
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("dry run: nothing is written", "would prune in 4 runs", str(output), "2 ranks",
                     "once for all runs", "magnitude-uniform-0.5", "magnitude-alphapruning-0.6"):
            self.assertIn(word, done.stdout)
        self.assertRegex(done.stdout, r"\nwhole +\d")
        self.assertEqual(self.everything(), before)
        output.mkdir()
        done = start(words)
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("exists", done.stderr)

    def test_what_is_there_of_a_sweep_stays(self):
        output = self.folder / "out"
        words = ["sweep", "--model", TINY / "tiny-mistral", "--output", output, "--allocation", "uniform"]
        self.assertEqual(start([*words, "--sparsity-ratio", 0.5]).returncode, 0)
        before = {path: path.read_bytes() for path in self.everything() if path.is_file()}
        for option, word in {"--overwrite": "would replace", "--resume": "would add"}.items():
            done = start([*words, "--sparsity-ratio", "0.5,0.6", "--dry-run", option])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(word, done.stdout)
        self.assertEqual({path: path.read_bytes() for path in self.everything() if path.is_file()},
                         before)

    def test_what_is_wrong_is_found(self):
        wrong = {"exists": [TINY / "tiny-mistral", self.folder],
                 "pass the end of the file": [self.damaged(), self.folder / "out"],
                 "--calibration": [TINY / "tiny-mistral", self.folder / "out", "--prune-method",
                                   "wanda"]}
        for word, (model, output, *more) in wrong.items():
            done = self.run_model(model, output, "--dry-run", *more)
            self.assertEqual(done.returncode, 2, word)
            self.assertIn(word, done.stderr)

    def damaged(self):
        model = self.copy_of(TINY / "tiny-mistral")
        weights = model / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-7])
        return model

    def test_what_is_there_stays(self):
        output = self.folder / "out"
        self.succeed(TINY / "tiny-mistral", output)
        before = {path: path.read_bytes() for path in self.everything() if path.is_file()}
        for option, word in {"--overwrite": "would replace", "--resume": "nothing would be done"}.items():
            done = self.succeed(TINY / "tiny-mistral", output, "--dry-run", option)
            self.assertIn(word, done.stdout)
        self.assertEqual({path: path.read_bytes() for path in self.everything() if path.is_file()},
                         before)


class Terminal(ProgramTest):
    def on_terminal(self, **variables):
        """What the program writes when its standard error is a terminal."""
        reader, writer = pty.openpty()
        done = subprocess.run([PROGRAM, "analyze", "--model", TINY / "tiny-mistral", "--output",
                               self.folder / variables["TERM"]], stderr=writer, check=False,
                              stdout=subprocess.DEVNULL, env={**os.environ, **variables})
        os.close(writer)
        self.assertEqual(done.returncode, 0)
        return os.read(reader, 1 << 20).decode()

    def test_no_colors_and_on_a_dumb_terminal_no_controls(self):
        self.assertNotRegex(self.on_terminal(TERM="xterm", NO_COLOR="1"), "\x1b\\[[0-9;]*m")
        self.assertNotIn("\x1b", self.on_terminal(TERM="dumb"))


if __name__ == "__main__":
    unittest.main()
