#!/usr/bin/python3
"""What it costs that a run can be resumed: this program against one that keeps no journal.

    benchmarks/durability.py PROGRAM OLD_PROGRAM [--ranks N] [--repeat R]

OLD_PROGRAM is built from commit ac947c6, the last one before runs could be resumed. Both prune one
block of LLaMA-7B, synthetic, with its embeddings, in turn, R times each: by magnitude, and with Wanda
on 8 sequences of 512 tokens. Prints one JSON line a method: the median seconds of the whole command
and of the phases, and their ratios.
"""
import argparse
import json
import pathlib
import statistics
import tempfile

import numpy
from program import run_program

CONFIGURATION = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
    "intermediate_size": 11008, "num_hidden_layers": 1, "num_attention_heads": 32,
    "num_key_value_heads": 32, "vocab_size": 32000, "rms_norm_eps": 1e-6, "torch_dtype": "bfloat16",
    "max_position_embeddings": 2048, "hidden_act": "silu", "tie_word_embeddings": False}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("old_program")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "block"
        model.mkdir()
        (model / "config.json").write_text(json.dumps(CONFIGURATION))
        tokens = pathlib.Path(folder) / "tokens.npy"
        numpy.save(tokens, numpy.random.default_rng(1).integers(3, 32000, (8, 512), numpy.int32))
        for method, more in (("magnitude", []), ("wanda", ["--calibration", tokens, "--nsamples", "8",
                                                           "--seqlen", "512"])):
            options = ["--model", model, "--synthetic", "--prune-method", method, *more]
            runs = {arguments.program: [], arguments.old_program: []}
            for _ in range(arguments.repeat):
                for program, times in runs.items():
                    report, whole = run_program(program, arguments.ranks, options)
                    times.append({"command": whole, **report["run"]["phases"]})
            new, old = ({phase: statistics.median(run[phase] for run in times) for phase in times[0]}
                        for times in runs.values())
            print(json.dumps({
                "method": method, "ranks": arguments.ranks, "seconds": new, "seconds_before": old,
                "ratios": {phase: new[phase] / old[phase] for phase in old if old[phase] > 1}}),
                flush=True)


if __name__ == "__main__":
    main()
