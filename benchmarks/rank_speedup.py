#!/usr/bin/python3
"""How much faster `analyze` is on several ranks than on one.

    benchmarks/rank_speedup.py PROGRAM [--model DIR] [--ranks N] [--repeat R] [--hidden H]

Runs `analyze` on 1 and on N ranks in turn, R times each, and prints one JSON line: the best seconds
of the spectrum phase (from report.json) and of the whole command, and their ratios. Without --model
it makes a model of 4 blocks with random weights of that hidden size in a temporary folder. Needs
Debian's python3-numpy when it makes a model.
"""
import argparse
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import time

ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1"}


def make_model(folder, hidden, blocks=4):
    import numpy as np
    rng = np.random.default_rng(0)
    inner = hidden * 11 // 4
    shapes = {"self_attn.q_proj": (hidden, hidden), "self_attn.k_proj": (hidden, hidden),
              "self_attn.v_proj": (hidden, hidden), "self_attn.o_proj": (hidden, hidden),
              "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden),
              "mlp.down_proj": (hidden, inner)}
    header, data, at = {}, [], 0
    for block in range(blocks):
        for name, shape in shapes.items():
            values = rng.standard_t(3, shape).astype(np.float32).tobytes()
            header[f"model.layers.{block}.{name}.weight"] = {
                "dtype": "F32", "shape": shape, "data_offsets": [at, at + len(values)]}
            data.append(values)
            at += len(values)
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(
        struct.pack("<Q", len(text)) + text + b"".join(data))
    (folder / "config.json").write_text(json.dumps({
        "model_type": "llama", "hidden_size": hidden, "intermediate_size": inner,
        "num_hidden_layers": blocks, "num_attention_heads": 8, "vocab_size": 32}))


def analyze(program, model, ranks):
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "out"
        start = time.monotonic()
        subprocess.run(["mpirun", "-n", str(ranks), program, "analyze", "--model", model,
                        "--output", output], env={**os.environ, **ENVIRONMENT}, check=True,
                       capture_output=True)
        whole = time.monotonic() - start
        report = json.loads((output / "report.json").read_text())
    return report["run"]["phases"]["spectrum"], whole


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--model")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--hidden", type=int, default=1024)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model
        if model is None:
            make_model(pathlib.Path(folder), arguments.hidden)
            model = folder
        runs = {1: [], arguments.ranks: []}
        for _ in range(arguments.repeat):
            for ranks in runs:
                runs[ranks].append(analyze(arguments.program, model, ranks))
    one, many = ([min(column) for column in zip(*runs[ranks])] for ranks in (1, arguments.ranks))
    print(json.dumps({"model": arguments.model or f"random, hidden {arguments.hidden}",
                      "ranks": arguments.ranks,
                      "spectrum_seconds": [one[0], many[0]], "spectrum_ratio": one[0] / many[0],
                      "command_seconds": [one[1], many[1]], "command_ratio": one[1] / many[1]}))


if __name__ == "__main__":
    main()
