"""Writes the output folder of a made-up run, in Python alone, for the tests of the oracle."""
import json
import pathlib

import h5py
import numpy as np
import xxhash

import model_folder


def short_float(exponent_bits, bias):
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 15 - exponent_bits, exponent_bits, 0, 15 - exponent_bits)
    kind.set_precision(16)
    kind.set_size(2)
    kind.set_ebias(bias)
    return kind


TYPES = {"F32": h5py.h5t.IEEE_F32LE, "F16": short_float(5, 15), "BF16": short_float(8, 127)}


def prune(bits, ratio, inclusive):
    """Magnitude pruning by plain sorting of (magnitude, index) pairs."""
    flat = bits.ravel().tolist()
    sign = 0x8000 if bits.itemsize == 2 else 0x80000000
    order = sorted((value & (sign - 1), i) for i, value in enumerate(flat))
    count = int(len(flat) * ratio)
    limit = order[count][0]
    for size, i in order:
        if size <= limit if inclusive else count > 0:
            flat[i] = 0
            count -= 1
    return np.array(flat, bits.dtype).reshape(bits.shape)


def write_tensor(group, tensor, bits, ratio):
    space = h5py.h5s.create_simple(tensor.shape) if tensor.shape else h5py.h5s.create(h5py.h5s.SCALAR)
    dataset = h5py.Dataset(h5py.h5d.create(group.id, tensor.name.encode(), TYPES[tensor.kind], space))
    dataset.id.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(bits), mtype=TYPES[tensor.kind])
    rows = bits.reshape(1, -1) if bits.ndim < 2 else bits
    checksum = 0
    for i, row in enumerate(rows):
        checksum += xxhash.xxh3_64(row.tobytes(), seed=i).intdigest()
    zeros = int((model_folder.magnitudes(bits) == 0).sum())
    dataset.attrs["checksum"] = np.uint64(checksum % 2**64)
    dataset.attrs["zeros"] = np.int64(zeros)
    dataset.attrs["sparsity"] = zeros / bits.size
    dataset.attrs["sparsity_ratio"] = ratio
    return zeros


def metrics_of(spectrum):
    half = spectrum[len(spectrum) // 2:]
    alpha = 1 + len(half) / np.log(half / half[0]).sum()
    return {"alpha_mid": float(f"{alpha:.9e}"), "spectral_norm": float(f"{spectrum[-1]:.9e}")}


def write_run(model, output, ratio=0.6, inclusive=False):
    """A run with the same ratio for all matrices."""
    tensors = model_folder.read_model(model)
    names = model_folder.in_order(model_folder.prunable(tensors))
    output = pathlib.Path(output)
    (output / "metrics").mkdir(parents=True)
    matrices = []
    with h5py.File(output / "checkpoint.h5", "w") as file:
        group = file.create_group("tensors")
        spectra = file.create_group("spectra")
        for name in names:
            tensor = tensors[name]
            zeros = write_tensor(group, tensor, prune(tensor.bits, ratio, inclusive), ratio)
            spectra[name] = np.linalg.svd(tensor.values(), compute_uv=False)[::-1] ** 2
            matrices.append({"name": name, "block": model_folder.block_of(name),
                             "rows": tensor.shape[0], "cols": tensor.shape[1],
                             "metrics": metrics_of(spectra[name][:]), "sparsity_ratio": ratio,
                             "zeros": zeros, "sparsity": zeros / tensor.bits.size})
        for name in set(tensors) - set(names):
            write_tensor(group, tensors[name], tensors[name].bits, 0.0)
        for metric in ("alpha_mid", "spectral_norm"):
            values = np.array([matrix["metrics"][metric] for matrix in matrices])
            file[f"metrics/{metric}"] = values
            np.save(output / "metrics" / f"{metric}.npy", values)
        file["model/config.json"] = np.bytes_((pathlib.Path(model) / "config.json").read_bytes())
        file.attrs.update({"format": "alphaprune-checkpoint", "version": 1, "model": "sample",
                           "tensors": len(tensors), "complete": 1})
    weights = sum(matrix["rows"] * matrix["cols"] for matrix in matrices)
    zeros = sum(matrix["zeros"] for matrix in matrices)
    report = {"model": {"name": "sample", "prunable_parameters": weights}, "matrices": matrices,
              "allocation": {"name": "uniform", "sparsity_ratio": ratio},
              "zeros": zeros, "sparsity": zeros / weights}
    (output / "report.json").write_text(json.dumps(report))
