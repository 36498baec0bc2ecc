"""Model folders as they are found: what Python's json writes, files of all kinds beside the weights,
an index that does not fit its shards, caches with several revisions, weights in other formats."""
import json
import os
import unittest

from harness import TINY, ProgramTest, read_safetensors, start, write_safetensors

SMALL = TINY / "tiny-mistral"
FAST = ("--allocation", "uniform")
BESIDE = {
    "configuration_my.py": "class MyConfig: pass\n",
    "code/modeling_my.py": "class My: pass\n",
    "additional_chat_templates/tool_use.jinja": "{{ tools }}\n",
    "qwen.tiktoken": "IQ== 0\n",
    "preprocessor_config.json": "{}",
    "chat_template.jinja": "{{ messages }}\n",
    "LICENSE": "free\n",
}
LEFT_OUT = {
    "pytorch_model.bin": "weights",
    "consolidated.00.pth": "weights",
    "optimizer.pt": "state",
    "trainer_state.json": "{}",
    ".gitattributes": "hidden",
    "original/params.json": "{}",
}


def write_all(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


class WildFolders(ProgramTest):
    def refused(self, done, *words):
        self.assertEqual(done.returncode, 2, done.stderr + done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)
        return done

    def configure(self, model, **members):
        path = model / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **members}))

    def test_all_that_lies_beside_the_weights_goes_with_them(self):
        model = self.copy_of(SMALL)
        self.configure(model, time_step_limit=[0.0, float("inf")], x=float("nan"),
                       auto_map={"AutoModel": "code/modeling_my.My"})
        config = model / "config.json"
        config.write_text(config.read_text()[:-1] + ', "x": 1, "x": -Infinity, "y": "\\ud800"}')
        write_all(model, BESIDE | LEFT_OUT)
        output, again = self.folder / "out", self.folder / "again"
        self.succeed(model, output, *FAST, "--format", "hdf5", "--format", "safetensors", ranks=2)
        done = start(["export", "--model", output / "checkpoint.h5", "--output", again])
        self.assertEqual(done.returncode, 0, done.stderr)
        for folder in (output / "hf", again):
            for name, text in BESIDE.items():
                self.assertEqual((folder / name).read_text(), text, folder / name)
            for name in LEFT_OUT:
                self.assertFalse((folder / name).exists(), folder / name)
            self.assertEqual((folder / "config.json").read_bytes(), config.read_bytes())
        # Once more, over what is there, with a folder in it.
        done = start(["export", "--model", output / "hf", "--output", again, "--overwrite"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((again / "code/modeling_my.py").is_file())

    def test_what_cannot_be_taken_along_is_said_before_the_work(self):
        model, output = self.copy_of(SMALL), self.folder / "out"
        (self.folder / "store").mkdir()
        (self.folder / "store" / "cdef").write_text("tokens")
        (model / "tokenizer.model").symlink_to("../store/cdef")
        (model / "LICENSE").symlink_to("nowhere")
        done = self.run_model(model, output, *FAST, "--format", "safetensors", ranks=2)
        self.refused(done, "tokenizer.model ->", "points out of the model folder",
                     "LICENSE -> nowhere", "points to nothing")
        self.assertFalse(output.exists())
        analysed = start(["analyze", "--model", model, "--output", output])  # takes nothing along
        self.assertEqual(analysed.returncode, 0, analysed.stderr)

    def shard(self, model, change, folder=""):
        """Two shards of what is one, their index changed."""
        header, data = read_safetensors(model / "model.safetensors")
        names = sorted(name for name in header if name != "__metadata__")
        (model / "model.safetensors").unlink()
        index = {}
        for number, part in enumerate((names[:9], names[8:])):  # names[8] is in both
            shard = f"{folder}model-{number + 1:05}-of-00002.safetensors"
            head, at, bytes_ = {}, 0, bytearray()
            for name in part:
                begin, end = header[name]["data_offsets"]
                head[name] = {**header[name], "data_offsets": [at, at + end - begin]}
                bytes_ += data[begin:end]
                at += end - begin
                index[name] = shard
            (model / shard).parent.mkdir(exist_ok=True)
            write_safetensors(model / shard, head, bytes_)
        change(index)
        (model / "model.safetensors.index.json").write_text(
            json.dumps({"metadata": {"total_size": 1}, "weight_map": index}))
        return set(names)

    def test_an_index_that_does_not_fit_its_shards(self):
        model, output = self.copy_of(SMALL), self.folder / "out"

        def change(index):
            del index["lm_head.weight"]
            index["mtp.fc.weight"] = next(iter(index.values()))
        names = self.shard(model, change, "weights/")
        done = self.succeed(model, output, *FAST, "--format", "safetensors", ranks=2)
        notes = "\n".join(self.report(output)["notes"])
        for word in ("total_size", "mtp.fc.weight", "lm_head.weight", "equal contents"):
            self.assertIn(word, done.stderr)
            self.assertIn(word, notes)
        header, _ = read_safetensors(output / "hf" / "model.safetensors")
        self.assertEqual({name for name in header if name != "__metadata__"}, names)

    def test_a_needed_tensor_that_is_missing_or_differs(self):
        model = self.copy_of(SMALL)

        def change(index):
            index["model.layers.0.mlp.up_proj.bias"] = next(iter(index.values()))
        self.shard(model, change)  # a bias that this family does not have
        self.succeed(model, self.folder / "out", *FAST)
        shard = model / "model-00002-of-00002.safetensors"
        header, data = read_safetensors(shard)
        data[header[min(set(header) - {"__metadata__"})]["data_offsets"][0]] ^= 1
        write_safetensors(shard, header, data)
        self.refused(self.run_model(model, self.folder / "other", *FAST), "with different contents")

    def test_revisions_in_a_cache(self):
        cache = self.folder / "cache"
        kept = cache / "models--org--small"
        for commit in ("0123456789ab", "fedcba987654"):
            (kept / "snapshots" / commit).mkdir(parents=True)
            for file in SMALL.iterdir():
                (kept / "snapshots" / commit / file.name).write_bytes(file.read_bytes())
        (kept / "refs").mkdir()
        (kept / "refs" / "v1").write_text("fedcba987654")
        there = {"HUGGINGFACE_HUB_CACHE": str(cache), "HF_HUB_CACHE": ""}

        def analyse(*more):
            return start(["analyze", "--model", "org/small", "--output", self.folder / "out",
                          "--overwrite", *more], environment=there)
        self.refused(analyse(), "several revisions", "0123456789ab", "fedcba987654")
        for revision in ("v1", "0123456"):
            done = analyse("--revision", revision)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.report(self.folder / "out")["model"]["name"], "small")
        self.refused(analyse("--revision", "v2"), "v2", "v1")
        self.refused(start(["analyze", "--model", SMALL, "--output", self.folder / "new",
                            "--revision", "v1"]), "--revision has no effect")

    def test_other_formats(self):
        gguf = self.folder / "model.gguf"
        gguf.write_bytes(b"GGUF" + bytes(100))
        for command in ("run", "export"):
            done = start([command, "--model", gguf, "--output", self.folder / "out"])
            self.refused(done, "GGUF", "gguf_file=")
        for name, words in {"pytorch_model.bin": ("pickled", "from_pretrained"),
                            "model.gguf": ("GGUF", "gguf_file=")}.items():
            model = self.copy_of(SMALL, f"with-{name}")
            os.rename(model / "model.safetensors", model / name)
            self.refused(self.run_model(model, self.folder / "out", *FAST), *words)

    def test_quantised_weights(self):
        model = self.copy_of(SMALL)
        header, data = read_safetensors(model / "model.safetensors")
        renamed = {name.replace("_proj.weight", "_proj.qweight"): entry
                   for name, entry in header.items()}
        write_safetensors(model / "model.safetensors", renamed, data)
        self.configure(model, quantization_config={"quant_method": "gptq", "bits": 4})
        self.refused(self.run_model(model, self.folder / "out", *FAST),
                     "quantized (gptq)", "the model that was quantized")


if __name__ == "__main__":
    unittest.main()
