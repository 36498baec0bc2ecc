"""Names, links and files made to harm: nothing outside the output folder is read along or written,
nobody waits for a pipe, no shell sees a name."""
import json
import os
import shutil
import stat
import subprocess
import unittest

from harness import (MPIEXEC, PROGRAM, TINY, ProgramTest, read_safetensors, start,
                     write_safetensors)

SMALL = TINY / "tiny-mistral"
FAST = ("--allocation", "uniform")


class SafetyTest(ProgramTest):
    def refused(self, done, *words):
        self.assertEqual(done.returncode, 2, done.stderr + done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)

    def precious(self, name="precious"):
        """A file that must not change."""
        path = self.folder / name
        path.write_text("keep")
        self.addCleanup(lambda: self.assertEqual(path.read_text(), "keep"))
        return path


class Output(SafetyTest):
    def test_umask(self):
        output = self.folder / "out"
        command = [MPIEXEC, "-n", "2", PROGRAM, "--model", str(SMALL), "--output", str(output),
                   *FAST, "--format", "hdf5", "--format", "safetensors"]
        subprocess.run(command, umask=0o027, check=True, capture_output=True, timeout=100)
        seen = {}
        for path in [output, *output.rglob("*")]:
            mode = stat.S_IMODE(path.stat().st_mode)
            seen[path.name] = mode
            self.assertEqual(mode, 0o750 if path.is_dir() else 0o640, path)
        for name in ("report.json", "report.html", "matrices.csv", "run.log", "checkpoint.h5",
                     "hf", "config.json", "model.safetensors"):
            self.assertIn(name, seen)

    def test_links_in_the_output_are_not_written_through(self):
        target = self.precious()
        elsewhere = self.folder / "elsewhere"
        (elsewhere / "inner").mkdir(parents=True)
        inside = self.precious("elsewhere/inner/kept")
        output = self.folder / "out"
        self.succeed(SMALL, output, "--metric", "alpha_mid", "--format", "hdf5", "--format",
                     "safetensors")
        shutil.rmtree(output / "metrics")
        shutil.rmtree(output / "hf")
        files = ("report.html", "matrices.csv", "run.log", "checkpoint.h5")
        for name in files:
            (output / name).unlink()
            (output / name).symlink_to(target)
        for name in (*files, "report.json"):
            if name != "run.log":
                (output / f"{name}.partial").symlink_to(target)
        for name in ("metrics", "hf", "hf.partial", "journal"):
            (output / name).symlink_to(elsewhere)
        (output / "precious").symlink_to(target)
        self.succeed(SMALL, output, "--metric", "alpha_mid", "--overwrite", "--format", "hdf5",
                     "--format", "safetensors", ranks=2)
        for path in (*(output / name for name in files), output / "metrics", output / "hf"):
            self.assertFalse(path.is_symlink(), path)
            self.assertTrue(path.exists(), path)
        self.assertEqual(sorted(elsewhere.iterdir()), [elsewhere / "inner"])
        self.assertEqual(inside.read_text(), "keep")
        self.assertTrue((output / "precious").is_symlink())

    def test_the_output_itself_may_be_a_link(self):
        (self.folder / "disk").mkdir()
        (self.folder / "out").symlink_to("disk")
        self.succeed(SMALL, self.folder / "out", *FAST, "--overwrite")
        self.assertTrue((self.folder / "disk" / "report.json").is_file())
        self.assertTrue((self.folder / "out").is_symlink())

    def test_overwriting_spares_what_the_run_reads(self):
        output = self.folder / "out"
        self.succeed(SMALL, output, "--metric", "alpha_mid", "--format", "safetensors")
        for more in ((output / "hf",), (SMALL, "--metric-cache", output / "metrics/alpha_mid.npy"),
                     (SMALL, "--allocation", f"file:{output / 'matrices.csv'}"),
                     (self.link_to(output / "hf"),)):
            done = self.run_model(more[0], output, *more[1:], "--overwrite")
            self.refused(done, "--overwrite", "choose another --output")
        for name in ("report.json", "matrices.csv", "metrics/alpha_mid.npy", "hf/config.json"):
            self.assertTrue((output / name).is_file(), name)

    def link_to(self, folder):
        link = self.folder / "link"
        link.symlink_to(folder)
        return link

    def test_exporting_spares_the_model(self):
        model = self.copy_of(SMALL, "outer/inner")
        (model.parent / "config.json").write_text("{}")
        done = start(["export", "--model", model, "--output", model.parent, "--overwrite"])
        self.refused(done, "choose another --output")
        self.assertTrue((model / "model.safetensors").is_file())

    def test_exporting_spares_what_the_links_of_the_model_name(self):
        former = self.exported("former")
        model = self.folder / "model"
        model.mkdir()
        for file in former.iterdir():
            (model / file.name).symlink_to(file)
        done = start(["export", "--model", model, "--output", former, "--overwrite"])
        self.refused(done, "--overwrite", "choose another --output")
        self.assertTrue((model / "model.safetensors").is_file())

    def test_exporting_removes_no_folders(self):
        output = self.exported("export")
        (output / "notes").mkdir()
        inside = output / "notes" / "kept"
        inside.write_text("keep")
        done = start(["export", "--model", SMALL, "--output", output, "--overwrite"])
        self.refused(done, "something other", "choose another --output")
        self.assertTrue(inside.is_file())
        inside.unlink()
        inside.parent.rmdir()
        done = start(["export", "--model", SMALL, "--output", output, "--overwrite"])
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_exporting_replaces_exports_alone(self):
        model = self.copy_of(SMALL, "somebody's model")
        partial = self.copy_of(SMALL, "new.partial")
        for output in (model, self.folder / "new"):
            done = start(["export", "--model", SMALL, "--output", output, "--overwrite"])
            self.refused(done, "something other than an export")
        for kept in (model, partial):
            self.assertEqual(sorted(path.name for path in kept.iterdir()),
                             sorted(path.name for path in SMALL.iterdir()))

    def exported(self, name):
        output = self.folder / name
        done = start(["export", "--model", SMALL, "--output", output])
        self.assertEqual(done.returncode, 0, done.stderr)
        return output


class Overwrite(SafetyTest):
    """Only what is proved to be a former run's is removed."""

    def setUp(self):
        super().setUp()
        self.output = self.folder / "out"

    def put(self, *names):
        for name in names:
            (self.output / name).parent.mkdir(parents=True, exist_ok=True)
            self.precious(f"out/{name}")

    def test_an_unrelated_folder_is_left_alone(self):
        self.put("metrics/loss.npy", "metrics/alpha_mid.npy", "hf/model.safetensors", "stop", "notes",
                 "journal/monday.txt", "report.json", "run.log")
        for more in (("--overwrite",), ("--overwrite", "--format", "safetensors")):
            done = self.run_model(SMALL, self.output, *FAST, *more, ranks=2)
            self.refused(done, "metrics", "stop", "journal", "report.json", "run.log",
                         "choose another --output")
            self.assertEqual("hf" in done.stderr.split("this program: ")[1].split("\n")[0],
                             "safetensors" in more)

    def test_what_was_put_beside_a_run_stays(self):
        self.succeed(SMALL, self.output, "--metric", "alpha_mid")
        self.put("metrics/mine.npy", "hf/model.safetensors", "notes", "hf.partial/mine")
        (self.output / "stop").touch()
        refused = self.run_model(SMALL, self.output, *FAST, "--overwrite", "--format", "safetensors")
        self.refused(refused, ": hf, hf.partial")
        self.assertTrue((self.output / "checkpoint.h5").is_file())
        self.succeed(SMALL, self.output, *FAST, "--overwrite", ranks=2)
        self.assertFalse((self.output / "metrics" / "alpha_mid.npy").exists())
        self.assertFalse((self.output / "stop").exists())

    def test_an_export_of_the_run_is_replaced(self):
        self.succeed(SMALL, self.output, *FAST, "--format", "safetensors")
        self.succeed(SMALL, self.output, *FAST, "--overwrite", "--format", "safetensors", ranks=2)
        self.succeed(SMALL, self.output, *FAST, "--overwrite")
        self.assertFalse((self.output / "hf").exists())

    def test_resuming_clears_nothing_away_either(self):
        self.put("stop", "notes")
        self.refused(self.run_model(SMALL, self.output, *FAST, "--resume"), "stop")


class Input(SafetyTest):
    def test_pipes_make_nobody_wait(self):
        for name in ("config.json", "model.safetensors"):
            model = self.copy_of(SMALL, f"with-{name}")
            (model / name).unlink()
            os.mkfifo(model / name)
            done = self.run_model(model, self.folder / "out", *FAST, ranks=2)
            self.refused(done, model.name)
        os.mkfifo(self.folder / "pipe.npy")
        done = self.run_model(SMALL, self.folder / "out", "--metric-cache",
                              self.folder / "pipe.npy", ranks=2)
        self.refused(done, "not a regular file", "pipe.npy")
        os.mkfifo(self.folder / "pipe.cfg")
        self.refused(start(["--config", self.folder / "pipe.cfg"]), "not a regular file")

    def test_an_index_stays_in_its_folder(self):
        secret = self.copy_of(SMALL, "secret") / "model.safetensors"
        for shard in (str(secret), "../secret/model.safetensors", "..", "a/../../b"):
            model = self.copy_of(SMALL, f"model-{len(shard)}")
            (model / "model.safetensors").unlink()
            header, _ = read_safetensors(secret)
            names = [name for name in header if name != "__metadata__"]
            (model / "model.safetensors.index.json").write_text(
                json.dumps({"weight_map": dict.fromkeys(names, shard)}))
            self.refused(self.run_model(model, self.folder / "out", *FAST),
                         "outside the model folder")

    def test_no_file_of_the_user_is_carried_along(self):
        secret = self.precious("id_rsa")
        model = self.copy_of(SMALL)
        (model / "tokenizer.json").symlink_to(secret)
        done = self.run_model(model, self.folder / "out", *FAST, "--format", "safetensors")
        self.refused(done, "tokenizer.json", "id_rsa")
        self.assertFalse((self.folder / "out" / "hf").exists())

    def test_names_do_not_reach_a_shell(self):
        folder = self.folder / "$(touch pwned)`touch pwned`;touch pwned"
        folder.mkdir()
        model = self.copy_of(SMALL, f"{folder.name}/a b'\"&|")
        done = subprocess.run(
            [MPIEXEC, "-n", "1", PROGRAM, "--model", str(model), "--output", str(folder / "out"),
             *FAST], cwd=self.folder, capture_output=True, text=True, timeout=100, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(list(self.folder.rglob("pwned")), [])

    def test_names_do_not_command_the_terminal(self):
        model = self.copy_of(SMALL)
        header, data = read_safetensors(model / "model.safetensors")
        entry = header.pop("model.layers.0.mlp.up_proj.weight")
        header["model.layers.0.mlp.\u001b]0;owned\u0007\u009b2Jup_proj.weight"] = entry
        write_safetensors(model / "model.safetensors", header, data)
        (model / "config.json").write_text(json.dumps(
            {"model_type": "n\u001b[31mew", "num_hidden_layers": 99}))
        done = self.run_model(model, self.folder / "out", *FAST)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertNotRegex(done.stderr, "[\u001b\u0007\u009b]")


if __name__ == "__main__":
    unittest.main()
