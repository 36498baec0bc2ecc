"""Block 0 of books-7m after the methods that look at activations, against published code."""
import json
import shutil
import subprocess
import sys
import unittest

from harness import BOOKS, REFERENCE, ROOT, ProgramTest, read_safetensors, write_safetensors

CHECK = ROOT / "tests" / "oracle" / "check_block0.py"


class Block0(ProgramTest):
    def first_block_alone(self):
        """The model without its other blocks, on which the first does not depend."""
        model = self.folder / "first-block"
        model.mkdir()
        config = json.loads((BOOKS / "config.json").read_text())
        (model / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}))
        shutil.copy(BOOKS / "tokenizer.model", model)
        header, data = read_safetensors(BOOKS / "model.safetensors")
        kept = {}
        kept_data = bytearray()
        for name, entry in header.items():
            if name == "__metadata__" or (name.startswith("model.layers.")
                                          and not name.startswith("model.layers.0.")):
                continue
            begin, end = entry["data_offsets"]
            at = len(kept_data)
            kept[name] = {**entry, "data_offsets": [at, at + end - begin]}
            kept_data += data[begin:end]
        write_safetensors(model / "model.safetensors", kept, kept_data)
        return model

    def agree(self, method, agreement, distance, block=0.0):
        output = self.folder / method
        self.succeed(self.first_block_alone(), output, "--prune-method", method,
                     "--allocation", "uniform", "--sparsity-ratio", "0.7",
                     "--calibration", BOOKS / "calibration.npy", ranks=2)
        reference = REFERENCE / f"books-7m-{method}-uniform-0.7-block0.npz"
        done = subprocess.run([sys.executable, CHECK, output / "checkpoint.h5", reference,
                               "--agreement", str(agreement), "--distance", str(distance),
                               "--block", str(block)],
                              timeout=60, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_wanda(self):
        self.agree("wanda", 0.999, 0.0)

    def test_sparsegpt(self):
        self.agree("sparsegpt", 0.99, 0.01)

    def test_alps(self):
        """An iteration more or less of one matrix changes some per cent of its mask, and the
        corrections of the weights that stay with it."""
        self.agree("alps", 0.97, 0.1, block=0.98)


if __name__ == "__main__":
    unittest.main()
