#!/usr/bin/python3
"""An opinion on an exported Hugging Face folder that shares no code with the program.

    check_export.py EXPORTED MODEL [--unchanged] [--checkpoint FILE]

Reads the bytes of EXPORTED as the safetensors format defines them, and compares with the dense
model's folder: everything but the 2-D weights inside the blocks must be the same, with --unchanged
these too; with --checkpoint every tensor must be the one in that checkpoint.h5. Ends with status 1
at the first thing that is wrong, naming it.
"""
import argparse
import json
import math
import pathlib
import re
import struct
import sys

BYTES = {"F32": 4, "F16": 2, "BF16": 2}
# Weights, their indexes, what a training leaves, hidden files: all others go with the model.
LEFT_OUT = re.compile(r"\..*|.*\.(safetensors|bin|pt|pth|ckpt|h5|msgpack|gguf|onnx|ot)|.*\.index\..*json|"
                      r"(consolidated\.|rng_state|trainer_state|adapter_config).*", re.DOTALL)
INDEX = "model.safetensors.index.json"


class Wrong(Exception):
    """Something is not as it must be."""


def require(condition, what):
    if not condition:
        raise Wrong(what)


def no_twins(pairs):
    names = [name for name, _ in pairs]
    require(len(set(names)) == len(names), f"JSON: a name twice among {names[:3]}...")
    return dict(pairs)


def read_shard(path):
    """{name: (type, shape, bytes)}; only what the format guarantees is used."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + length], object_pairs_hook=no_twins)
    header.pop("__metadata__", None)
    tensors = {name: (entry["dtype"], entry["shape"], entry["data_offsets"])
               for name, entry in header.items()}
    return {name: (kind, shape, raw[8 + length + begin:8 + length + end])
            for name, (kind, shape, (begin, end)) in tensors.items()}


def check_shard(path):
    """What a careful writer promises beyond that."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    text = raw[8:8 + length]
    require(length % 8 == 0, f"{path.name}: header of {length} bytes")
    require(text[:1] == b"{" and text.rstrip(b" ")[-1:] == b"}", f"{path.name}: padding")
    header = json.loads(text)
    metadata = header.pop("__metadata__")
    require(metadata["format"] == "pt", f"{path.name}: metadata format")
    require(all(isinstance(value, str) for value in metadata.values()), f"{path.name}: metadata")
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        size = BYTES[entry["dtype"]]
        require(entry["data_offsets"] == [end, end + size * math.prod(entry["shape"])],
                f"{path.name}: {name} at {entry['data_offsets']}, not at {end}")
        require(end % size == 0, f"{path.name}: {name} is not aligned")
        end = entry["data_offsets"][1]
    require(8 + length + end == len(raw), f"{path.name}: {len(raw)} bytes")
    return end


def read_folder(folder):
    """All tensors of a folder, by name."""
    single = folder / "model.safetensors"
    shards = [single.name] if single.exists() else sorted(
        set(json.loads((folder / INDEX).read_text())["weight_map"].values()))
    tensors = {}
    for shard in shards:
        found = read_shard(folder / shard)
        require(not set(found) & set(tensors), f"{shard}: holds tensors of another shard")
        tensors.update(found)
    return tensors


def check_form(folder):
    files = sorted(path.name for path in folder.glob("*.safetensors"))
    if files != ["model.safetensors"]:
        count = len(files)
        require(count > 1, f"weight files: {files}")
        require(files == [f"model-{i + 1:05}-of-{count:05}.safetensors" for i in range(count)],
                f"weight files: {files}")
    total = sum(check_shard(folder / name) for name in files)
    require((folder / INDEX).exists() == (len(files) > 1), "the index file")
    if len(files) > 1:
        index = json.loads((folder / INDEX).read_text(), object_pairs_hook=no_twins)
        require(index["metadata"]["total_size"] == total, f"index: total_size, not {total}")
        places = {name: file for file in files for name in read_shard(folder / file)}
        require(index["weight_map"] == places, "index: weight_map")
    return f"{len(files)} weight files, {total} bytes of weights"


def prunable(name, shape):
    return len(shape) == 2 and name.endswith(".weight") and re.search(r"\.\d+\.", name)


def check_tensors(folder, model, unchanged):
    exported, dense = read_folder(folder), read_folder(model)
    require(set(exported) == set(dense),
            f"tensors missing: {sorted(set(dense) - set(exported))}, "
            f"not of the model: {sorted(set(exported) - set(dense))}")
    changed = 0
    for name, (kind, shape, values) in dense.items():
        require(exported[name][:2] == (kind, shape), f"{name}: {exported[name][:2]}")
        same = exported[name][2] == values
        require(same or (prunable(name, shape) and not unchanged), f"{name}: other bytes")
        changed += not same
    return f"{len(dense)} tensors: types and shapes; {changed} were changed"


def check_checkpoint(folder, checkpoint):
    import h5py
    import checkpoint_file
    exported = read_folder(folder)
    with h5py.File(checkpoint, "r") as file:
        require(set(file["tensors"]) == set(exported), "the checkpoint has other tensors")
        for name, (kind, shape, values) in exported.items():
            stored = checkpoint_file.read_tensor(file["tensors"][name], name)
            require((stored.kind, list(stored.shape)) == (kind, shape), f"{name}: type or shape")
            require(stored.bits.tobytes() == values, f"{name}: not the bytes of the checkpoint")
    return f"{len(exported)} tensors are those of the checkpoint"


def check_others(folder, model):
    expected = {path.name for path in model.iterdir()
                if path.is_file() and not LEFT_OUT.fullmatch(path.name)}
    expected |= {str(path.relative_to(model))
                 for path in model.glob("additional_chat_templates/*.jinja")}
    found = {str(path.relative_to(folder)) for path in folder.rglob("*")
             if not (path.is_dir() or path.name.endswith(".safetensors") or path.name == INDEX)}
    require(found == expected, f"other files: {sorted(found)}, not {sorted(expected)}")
    for name in expected:
        require(not (folder / name).is_symlink(), f"{name} is a link")
        require((folder / name).read_bytes() == (model / name).read_bytes(), f"{name}: other bytes")
    return f"{len(expected)} other files, byte by byte"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exported", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--unchanged", action="store_true", help="nothing was pruned")
    parser.add_argument("--checkpoint", type=pathlib.Path, help="what the folder was made from")
    given = parser.parse_args()
    try:
        print("ok:", check_form(given.exported))
        print("ok:", check_tensors(given.exported, given.model, given.unchanged))
        print("ok:", check_others(given.exported, given.model))
        if given.checkpoint:
            print("ok:", check_checkpoint(given.exported, given.checkpoint))
    except (Wrong, KeyError, OSError, ValueError, struct.error) as problem:
        print("WRONG:", "" if isinstance(problem, Wrong) else type(problem).__name__, problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
