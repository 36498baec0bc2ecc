"""Reads a Hugging Face model folder with nothing but struct, json and numpy."""
import json
import pathlib
import re
import struct

import numpy as np

DTYPES = {"F32": np.dtype("<u4"), "F16": np.dtype("<u2"), "BF16": np.dtype("<u2")}

# Order of definition in the Hugging Face model, inside a block.
ORDERS = [
    ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
     "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"],
    ["self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.out_proj",
     "fc1", "fc2"],
]


class Tensor:
    """One tensor: its stored type ("BF16"), its shape, and its values as unsigned bit patterns."""

    def __init__(self, name, kind, shape, bits):
        self.name = name
        self.kind = kind
        self.shape = tuple(shape)
        self.bits = bits

    def magnitudes(self):
        """Bit patterns without the sign: they order as the absolute values do."""
        return magnitudes(self.bits)

    def values(self):
        """float64, exactly."""
        if self.kind == "BF16":
            return (self.bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
        return self.bits.view(np.float16 if self.kind == "F16" else np.float32).astype(np.float64)


def magnitudes(bits):
    return bits & bits.dtype.type(0x7FFF if bits.itemsize == 2 else 0x7FFFFFFF)


def read_shard(path):
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        bits = np.frombuffer(raw[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = Tensor(name, entry["dtype"], entry["shape"], bits)
    return tensors


def read_model(folder):
    """All tensors of the folder, by name."""
    folder = pathlib.Path(folder)
    index = folder / "model.safetensors.index.json"
    shards = ["model.safetensors"]
    if index.exists():
        shards = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    tensors = {}
    for shard in shards:
        tensors.update(read_shard(folder / shard))
    return tensors


def block_of(name):
    """The first whole part of the name that is a number: model.layers.7.mlp... -> 7."""
    found = re.search(r"\.(\d+)\.", name)
    return int(found.group(1)) if found else None


def prunable(tensors):
    """Names of the 2-D weights inside the blocks."""
    return {name for name, tensor in tensors.items()
            if len(tensor.shape) == 2 and name.endswith(".weight") and block_of(name) is not None}


def in_order(names):
    """The names block by block in order of definition; None for a family not known here."""
    for order in ORDERS:
        parts = {name: next((i for i, part in enumerate(order)
                             if name.endswith(f".{part}.weight")), None) for name in names}
        if None not in parts.values():
            return sorted(names, key=lambda name: (block_of(name), parts[name]))
    return None
