"""Broken input: a clear error that names file, tensor and remedy, exit status 2, nothing left under
a final name, and no rank left hanging (every run has a time limit)."""
import json
import os
import shutil
import struct
import unittest

import numpy as np

from harness import (BOOKS, GROUP_SOLVER, LIBRARY_SOLVERS, ROOT, TINY, ProgramTest, is_built_with,
                     read_safetensors, start, write_safetensors)

FINAL_NAMES = ("report.json", "report.html", "matrices.csv", "checkpoint.h5", "metrics")


class BadInput(ProgramTest):
    def refuse(self, model, *options, says, status=(2,), ranks=2):
        """Runs, expects failure; every text of `says` must be in the message."""
        output = self.folder / f"out-{len(list(self.folder.iterdir()))}"
        done = self.run_model(model, output, *options, ranks=ranks)
        self.assertIn(done.returncode, status, done.stderr + done.stdout)
        for text in says:
            self.assertIn(text, done.stderr)
        faults = done.stderr.split("error: ")[1:]
        self.assertEqual(len(faults), len(set(faults)), "each told once\n" + done.stderr)
        for name in FINAL_NAMES:
            self.assertFalse((output / name).exists(), name)
        if "what was done before is kept" not in done.stderr:
            self.assertEqual([*output.glob("*.partial"), *output.glob("journal")], [])
        return done

    def broken(self, change, name="broken"):
        """A copy of tiny-mistral whose header and data went through `change`."""
        model = self.copy_of(TINY / "tiny-mistral", name)
        header, data = read_safetensors(model / "model.safetensors")
        header, data = change(header, data) or (header, data)
        write_safetensors(model / "model.safetensors", header, data)
        return model

    def test_missing_folder(self):
        self.refuse(self.folder / "absent", says=["absent", "remedy"])

    def test_missing_and_broken_config(self):
        model = self.copy_of(TINY / "tiny-mistral")
        (model / "config.json").write_text('{"model_type": "mistral", ')
        self.refuse(model, says=["config.json", "remedy"])
        (model / "config.json").unlink()
        self.refuse(model, says=["config.json"])

    def test_folder_without_weights(self):
        model = self.copy_of(TINY / "tiny-mistral")
        (model / "model.safetensors").unlink()
        self.refuse(model, says=["safetensors", "remedy"])

    def test_index_naming_what_is_not_there(self):
        model = self.copy_of(TINY / "tiny-qwen2")
        (model / "model-00002-of-00002.safetensors").unlink()
        self.refuse(model, says=["model-00002-of-00002.safetensors"])
        model = self.copy_of(TINY / "tiny-qwen2", "again")
        index = json.loads((model / "model.safetensors.index.json").read_text())
        shard = model / index["weight_map"]["model.norm.weight"]
        header, data = read_safetensors(shard)
        header["model.ghost.weight"] = header.pop("model.norm.weight")
        write_safetensors(shard, header, data)
        self.refuse(model, says=["not in the shard", "model.norm.weight", shard.name])

    def test_header_longer_than_the_file_or_too_long(self):
        model = self.copy_of(TINY / "tiny-mistral")
        path = model / "model.safetensors"
        raw = path.read_bytes()
        for length in (len(raw), 100_000_001, 2**63):
            path.write_bytes(struct.pack("<Q", length) + raw[8:])
            self.refuse(model, says=["model.safetensors"])

    def test_header_that_is_not_json(self):
        model = self.copy_of(TINY / "tiny-mistral")
        write_safetensors(model / "model.safetensors", b'{"a": nonsense', b"")
        self.refuse(model, says=["model.safetensors"])

    def test_duplicate_tensor(self):
        def change(header, data):
            text = json.dumps(header)
            entry = json.dumps(header["model.norm.weight"])
            return (text[:-1] + f', "model.norm.weight": {entry}}}').encode(), data
        self.refuse(self.broken(change), says=["model.norm.weight"])

    def test_offsets_that_overlap_leave_holes_or_pass_the_end(self):
        name = "model.layers.1.mlp.up_proj.weight"
        for shift in (-2, 2, 10**12):
            def change(header, data, shift=shift):
                begin, end = header[name]["data_offsets"]
                header[name]["data_offsets"] = [begin + shift, end + shift]
            self.refuse(self.broken(change, f"shift{shift}"), says=["model.safetensors"])

    def test_shape_that_does_not_match_the_offsets(self):
        name = "model.layers.1.mlp.up_proj.weight"
        for shape in ([160, 65], [160, -64], [2**40, 2**40]):
            def change(header, data, shape=shape):
                header[name]["shape"] = shape
            self.refuse(self.broken(change, f"shape{len(str(shape))}"), says=[name])

    def test_other_dtypes_are_named(self):
        def change(header, data):
            header["model.layers.1.mlp.up_proj.weight"]["dtype"] = "F8_E4M3"
        self.refuse(self.broken(change), says=["F8_E4M3", "model.layers.1.mlp.up_proj.weight"])

    def test_truncated_shard(self):
        model = self.copy_of(TINY / "tiny-mistral")
        path = model / "model.safetensors"
        os.truncate(path, path.stat().st_size - 100)
        self.refuse(model, says=["model.safetensors"])

    def test_nan_and_inf_are_counted(self):
        def change(header, data):
            begin = header["model.layers.0.mlp.up_proj.weight"]["data_offsets"][0]
            data[begin:begin + 6] = b"\x80\x7f" * 3
        model = self.broken(change)
        for ranks in (1, 3):
            done = self.refuse(model, ranks=ranks, says=["model.layers.0.mlp.up_proj.weight"])
            self.assertRegex(done.stderr, r"\b3\b.*NaN")
        self.refuse(model, "--allocation", "uniform", ranks=3,
                    says=["model.layers.0.mlp.up_proj.weight"])
        self.refuse(model, "--solver", GROUP_SOLVER, ranks=2,
                    says=["model.layers.0.mlp.up_proj.weight"])

    def test_work_on_a_model_that_was_changed_is_kept_until_it_is_overwritten(self):
        def change(header, data):
            begin = header["model.layers.1.mlp.up_proj.weight"]["data_offsets"][0]
            data[begin:begin + 2] = b"\x80\x7f"
        good = TINY / "tiny-mistral"
        model, output = self.broken(change), self.folder / "out"
        done = self.run_model(model, output, "--resume")
        self.assertEqual(done.returncode, 2, done.stderr)
        kept = "what was done before is kept" in done.stderr
        self.assertEqual(list(output.glob("journal/records-*")) != [], kept)
        (model / "model.safetensors").write_bytes((good / "model.safetensors").read_bytes())
        done = self.run_model(model, output, "--resume")
        self.assertEqual(done.returncode, 2 if kept else 0, done.stderr)
        if kept:
            self.assertIn("differs in the model's file model.safetensors", done.stderr)
            self.succeed(model, output, "--overwrite")

    def test_nan_in_a_tensor_that_is_not_pruned(self):
        def change(header, data):
            begin = header["model.embed_tokens.weight"]["data_offsets"][0]
            data[begin:begin + 2] = b"\xc0\x7f"
        self.refuse(self.broken(change), says=["model.embed_tokens.weight"])

    def test_numbers_out_of_range(self):
        for option, value in (("--sparsity-ratio", "1"), ("--sparsity-ratio", "-0.1"),
                              ("--sparsity-ratio", "0.7x"), ("--sparsity-ratio", "nan"),
                              ("--epsilon", "1"), ("--epsilon", "-1"),
                              ("--max-sparsity", "1.5")):
            self.refuse(BOOKS, option, value, says=[option])

    def test_ratio_that_cannot_be_met(self):
        for more, says in ((("--sparsity-ratio", "0.8", "--max-sparsity", "0.75"), "0.75"),
                           (("--sparsity-ratio", "0.95", "--sparsity-type", "mixed-N:8"), "0.875")):
            done = self.refuse(BOOKS, *more, says=[says])
            self.assertNotIn("spectrum:", done.stderr)  # said before any work

    def test_names_with_any_byte(self):
        """What is wrong reaches all ranks whatever it is called."""
        for name in ("a\x1fb", "\x1f", "a\nb", "a\x1f\n\x1f\x1f"):
            self.refuse(self.folder / name / "model", says=["there is no such model folder"], ranks=3)

            def rename(header, _, name=name):
                header[f"model.layers.0.{name}.weight"] = header.pop(
                    "model.layers.0.mlp.up_proj.weight")
            model = self.broken(rename, f"broken{len(list(self.folder.iterdir()))}")
            self.refuse(model, says=["remedy"], ranks=3)

    def test_files_beside_the_weights_that_cannot_be_read(self):
        """Before any work, in whatever format the model is written."""
        for kind in ("hdf5", "safetensors"):
            model = self.copy_of(BOOKS, f"model-{kind}")
            secret = self.folder / kind
            shutil.move(model / "tokenizer.model", secret)
            (model / "tokenizer.model").symlink_to(secret)
            done = self.refuse(model, "--metric", "alpha_mid", "--format", kind,
                               says=["tokenizer.model"])
            self.assertNotIn("spectrum:", done.stderr)

    def test_unknown_and_contradictory_options(self):
        self.refuse(BOOKS, "--sparsityratio", "0.7", says=["--sparsityratio"])
        self.refuse(BOOKS, "--allocation", "uniform", "--metric", "alpha_mid", says=["--metric"])
        self.refuse(BOOKS, "--metric", "alpha_mean", says=["alpha_mean", "alpha_mid"])
        done = start(["frobnicate"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("frobnicate", done.stderr)

    def test_existing_output_folder(self):
        output = self.folder / "there"
        output.mkdir()
        (output / "precious.txt").write_text("keep")
        done = self.run_model(BOOKS, output)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--overwrite", done.stderr)
        self.succeed(BOOKS, output, "--overwrite")
        self.succeed(BOOKS, output, "--overwrite")
        self.assertEqual((output / "precious.txt").read_text(), "keep")

    def test_output_that_cannot_be_made(self):
        (self.folder / "file").write_text("")
        done = self.run_model(BOOKS, self.folder / "file" / "out", ranks=2)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("not a folder", done.stderr)

    def test_metric_cache_of_the_wrong_length_or_with_nan(self):
        for name, values in (("short", np.ones(55)), ("nan", np.array([np.nan] + [2.0] * 55))):
            np.save(self.folder / f"{name}.npy", values)
            self.refuse(BOOKS, "--metric-cache", self.folder / f"{name}.npy",
                        says=[f"{name}.npy"])

    def test_verify_finds_a_flipped_bit(self):
        output = self.folder / "out"
        self.succeed(BOOKS, output, "--metric", "alpha_mid")
        path = output / "checkpoint.h5"
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 0x10
        path.write_bytes(raw)
        done = start(["verify", output], 2)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("model.", done.stderr)


class LateFaults(ProgramTest):
    """A request may be found wrong when much is done: that is kept, and gone on with."""

    def setUp(self):
        super().setUp()
        self.output = self.folder / "out"
        self.model = self.copy_of(BOOKS)
        self.weights = self.model / "model.safetensors"
        self.sound = self.weights.read_bytes()
        self.stamp = self.weights.stat()

    def write_weights(self, raw):
        """As if the file had always been so."""
        self.weights.write_bytes(raw)
        os.utime(self.weights, ns=(self.stamp.st_atime_ns, self.stamp.st_mtime_ns))

    def prune(self, *more, ranks=1):
        return self.run_model(self.model, self.output, "--metric", "alpha_mid", "--resume", *more,
                              ranks=ranks)

    def fail_late(self):
        """A matrix with a NaN, one of the last to be read."""
        header, data = read_safetensors(self.weights)
        end = header["model.layers.7.self_attn.v_proj.weight"]["data_offsets"][1]
        raw = bytearray(self.sound)
        raw[len(raw) - len(data) + end - 2:len(raw) - len(data) + end] = b"\xc0\x7f"
        self.write_weights(raw)
        done = self.prune()
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("NaN", done.stderr)
        self.assertIn(f"what was done before is kept in {self.output}", done.stderr)
        self.assertTrue(list((self.output / "journal").glob("records-*")))
        self.write_weights(self.sound)

    def test_work_is_kept(self):
        self.fail_late()
        again = self.run_model(self.model, self.output, "--metric", "alpha_mid")
        self.assertEqual(again.returncode, 2, again.stderr)
        done = self.prune(ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(self.report(self.output)["run"]["resumed_matrices"], 20)
        other = self.folder / "other"
        environment = {"SOURCE_DATE_EPOCH": "1700000000"}
        self.succeed(self.model, other, "--metric", "alpha_mid", environment=environment)
        self.assertEqual((self.output / "metrics" / "alpha_mid.npy").read_bytes(),
                         (other / "metrics" / "alpha_mid.npy").read_bytes())

    def test_what_computed_it_is_remembered(self):
        self.fail_late()
        document = self.output / "journal" / "run.json"
        run = json.loads(document.read_text())
        self.assertEqual(len(run["computed_by"]), 1)
        for name in ("version", "commit", "processor", "blas"):
            self.assertTrue(run["computed_by"][0][name], name)
        document.write_text(json.dumps({**run, "results_version": 0}))
        refused = self.prune()
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("another version of the program", refused.stderr)
        run["computed_by"][0].update(processor="a processor of long ago", blas="a BLAS of its own")
        document.write_text(json.dumps(run))
        done = self.prune()
        self.assertEqual(done.returncode, 0, done.stderr)
        notes = " ".join(self.report(self.output)["notes"])
        for part in ("another type of processor (a processor of long ago)",
                     "another BLAS (a BLAS of its own)"):
            self.assertEqual(done.stderr.count(part), 1, done.stderr)
            self.assertIn(part, notes)

    def test_nothing_is_left_of_a_run_without_work(self):
        """A journal without anything in it would only be in the way: here no matrix is a matrix."""
        _, data = read_safetensors(self.weights)
        self.write_weights(self.sound[:-len(data)] + b"\xc0\x7f" * (len(data) // 2))
        refused = self.prune(ranks=2)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("NaN", refused.stderr)
        self.assertNotIn("what was done before", refused.stderr)
        left = [path.name for path in self.output.glob("*")]
        self.assertIn(left, ([], ["run.log"]))
        self.write_weights(self.sound)
        self.succeed(self.model, self.output, "--metric", "alpha_mid", "--overwrite")


class LeftOut(ProgramTest):
    """Of a program that was built without an optional library."""

    @unittest.skipIf("elpa2" in LIBRARY_SOLVERS, "built with ELPA")
    def test_a_solver_is_refused_at_once_unless_it_is_for_another_machine(self):
        asked = ("--model", "7b", "--solver", "elpa2")
        done = start(["analyze", *asked, "--synthetic", "--output", self.folder / "out"])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stderr, "elpa2 needs ELPA, which this program was built without")
        self.assertEqual(start(["plan", *asked, "--ranks", "64"]).returncode, 0)

    @unittest.skipIf(is_built_with("SentencePiece"), "built with SentencePiece")
    def test_text_is_refused(self):
        text = self.folder / "text.txt"
        text.write_text("Call me Ishmael.\n" * 100)
        done = start(["evaluate", "--model", BOOKS, "--eval", text])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stderr, "SentencePiece tokenizer, which this program was built without")

    def test_text_is_encoded_by_tokenizer_json(self):
        model = self.copy_of(BOOKS)
        shutil.copy(ROOT / "tests/data/tokenizers/gpt2/tokenizer.json", model)
        text = self.folder / "text.txt"
        text.write_text("Call me Ishmael.\n" * 40)
        done = start(["evaluate", "--model", model, "--eval", text, "--seqlen", "32"])
        self.assertEqual(done.returncode, 0, done.stderr)


class OddMatrices(ProgramTest):
    """Not errors: matrices without a defined metric are named and left out of their block's mean."""

    def test_all_zero_matrix(self):
        model = self.copy_of(TINY / "tiny-mistral")
        header, data = read_safetensors(model / "model.safetensors")
        name = "model.layers.1.mlp.gate_proj.weight"
        begin, end = header[name]["data_offsets"]
        data[begin:end] = bytes(end - begin)
        write_safetensors(model / "model.safetensors", header, data)
        output = self.folder / "out"
        done = self.succeed(model, output, "--metric", "alpha_mid", ranks=2)
        self.assertIn(name, done.stderr)
        report = self.report(output)
        matrix = next(m for m in report["matrices"] if m["name"] == name)
        self.assertIsNone(matrix["metrics"]["alpha_mid"])
        self.assertEqual(matrix["zeros"], matrix["rows"] * matrix["cols"])
        same_block = {m["sparsity_ratio"] for m in report["matrices"] if m["block"] == 1}
        self.assertEqual(len(same_block), 1)
        verified = start(["verify", output])
        self.assertEqual(verified.returncode, 0, verified.stderr)


if __name__ == "__main__":
    unittest.main()
