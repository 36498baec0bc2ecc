#!/usr/bin/python3
"""An opinion on a finished run that shares no code with the program.

    check_checkpoint.py OUTPUT MODEL [--inclusive]

Reads the model folder, and OUTPUT's checkpoint.h5, report.json and metrics/*.npy, and computes
again what they must hold. Ends with status 1 at the first thing that is wrong, naming it.
"""
import argparse
import json
import pathlib
import sys

import h5py
import numpy as np
import xxhash

import checkpoint_file
import model_folder


class Wrong(Exception):
    """Something is not as it must be."""


def require(condition, what):
    if not condition:
        raise Wrong(what)


class Run:
    """All that is compared."""

    def __init__(self, output, model, inclusive):
        self.output = pathlib.Path(output)
        self.model = pathlib.Path(model)
        self.inclusive = inclusive
        self.report = json.loads((self.output / "report.json").read_text())
        self.matrices = self.report["matrices"]
        self.dense = model_folder.read_model(model)
        self.file = h5py.File(self.output / "checkpoint.h5", "r")
        self.pruned = {}

    def load(self):
        tensors = self.file["tensors"]
        require(set(tensors) == set(self.dense),
                f"tensors missing: {sorted(set(self.dense) - set(tensors))}, "
                f"not of the model: {sorted(set(tensors) - set(self.dense))}")
        for name, dense in self.dense.items():
            stored = checkpoint_file.read_tensor(tensors[name], name)
            require(stored.kind == dense.kind, f"{name}: type {stored.kind}, not {dense.kind}")
            require(stored.shape == dense.shape, f"{name}: shape {stored.shape}, not {dense.shape}")
            self.pruned[name] = stored


def check_root(run):
    attributes = run.file.attrs
    require(checkpoint_file.text(attributes["format"]) == "alphaprune-checkpoint", "root: format")
    require(attributes["version"] == 1, "root: version")
    require(attributes["complete"] == 1, "root: complete")
    require(attributes["tensors"] == len(run.dense), "root: tensors")
    require(checkpoint_file.text(attributes["model"]) == run.report["model"]["name"], "root: model")
    stored = checkpoint_file.text(run.file["model/config.json"][()])
    require(stored == (run.model / "config.json").read_text(), "/model/config.json: the text")
    return "root attributes and config.json"


def check_tensors(run):
    run.load()
    return f"{len(run.dense)} tensors: none missing, none foreign, types and shapes"


def check_matrices(run):
    names = [matrix["name"] for matrix in run.matrices]
    require(len(set(names)) == len(names), "report.json names a matrix twice")
    require(set(names) == model_folder.prunable(run.dense),
            "report.json: the matrices are not the 2-D weights inside the blocks: "
            f"{sorted(set(names) ^ model_folder.prunable(run.dense))}")
    expected = model_folder.in_order(names)
    require(expected is None or names == expected, "report.json: the order of the matrices")
    for matrix in run.matrices:
        require((matrix["rows"], matrix["cols"]) == run.dense[matrix["name"]].shape,
                f"report.json: shape of {matrix['name']}")
        require(matrix["block"] == model_folder.block_of(matrix["name"]),
                f"report.json: block of {matrix['name']}")
    return f"{len(names)} prunable matrices, their order, shapes and blocks"


def check_kept(run):
    names = {matrix["name"] for matrix in run.matrices}
    for name, dense in run.dense.items():
        if name not in names:
            require(np.array_equal(run.pruned[name].bits, dense.bits),
                    f"{name}: not pruned, yet its bits differ from the model's")
    return f"{len(run.dense) - len(names)} other tensors bit by bit"


def to_remove(size, ratio, sizes, inclusive):
    """Which of the weights magnitude pruning removes, as a mask."""
    count = int(size * ratio)
    if inclusive:
        return sizes <= np.sort(sizes)[min(count, size - 1)]
    mask = np.zeros(size, bool)
    mask[np.argsort(sizes, kind="stable")[:count]] = True  # stable: of equals the lowest index
    return mask


def check_pruning(run):
    for matrix in run.matrices:
        name = matrix["name"]
        dense = run.dense[name].bits.ravel()
        pruned = run.pruned[name].bits.ravel()
        zero = model_folder.magnitudes(pruned) == 0
        wrong = np.flatnonzero((pruned != dense) & ~zero)
        require(wrong.size == 0, f"{name}: weight {wrong[:1]} is neither zero nor the model's")
        sizes = model_folder.magnitudes(dense)
        removed = to_remove(dense.size, matrix["sparsity_ratio"], sizes, run.inclusive)
        wrong = np.flatnonzero(zero != (removed | (sizes == 0)))
        require(wrong.size == 0,
                f"{name}: {wrong.size} weights are zero that must not be or the reverse, "
                f"the first at {wrong[:1]}")
    rule = "up to the threshold" if run.inclusive else "int(numel*s) smallest, ties by index"
    return f"every weight of the matrices: {rule}"


def row_checksum(bits):
    rows = bits.reshape(1, -1) if bits.ndim < 2 else bits.reshape(bits.shape[0], -1)
    if bits.size == 0:
        return 0
    return sum(xxhash.xxh3_64_intdigest(row.tobytes(), seed=i) for i, row in enumerate(rows)) % 2**64


def check_attributes(run):
    ratios = {matrix["name"]: matrix["sparsity_ratio"] for matrix in run.matrices}
    for name, tensor in run.pruned.items():
        attributes = run.file["tensors"][name].attrs
        zeros = int(np.count_nonzero(tensor.magnitudes() == 0))
        require(int(attributes["checksum"]) == row_checksum(tensor.bits), f"{name}: checksum")
        require(attributes["zeros"] == zeros, f"{name}: zeros {attributes['zeros']}, not {zeros}")
        require(attributes["sparsity"] == (zeros / tensor.bits.size if zeros else 0.0),
                f"{name}: sparsity")
        require(attributes["sparsity_ratio"] == ratios.get(name, 0.0), f"{name}: sparsity_ratio")
    return "attributes: checksums of rows, zeros, sparsity, sparsity ratios"


def check_counts(run):
    total = 0
    weights = 0
    for matrix in run.matrices:
        tensor = run.pruned[matrix["name"]]
        zeros = int(np.count_nonzero(tensor.magnitudes() == 0))
        require(matrix["zeros"] == zeros, f"report.json: zeros of {matrix['name']}")
        require(matrix["sparsity"] == zeros / tensor.bits.size,
                f"report.json: sparsity of {matrix['name']}")
        total += zeros
        weights += tensor.bits.size
    require(run.report["zeros"] == total, f"report.json: zeros {run.report['zeros']}, not {total}")
    require(abs(run.report["sparsity"] - total / weights) < 1e-15, "report.json: sparsity")
    require(run.report["model"]["prunable_parameters"] == weights, "report.json: parameters")
    return f"report.json: {total} zeros of {weights} weights ({total / weights:.6f})"


def check_budget(run):
    allocation = run.report["allocation"]
    if allocation["name"].startswith("file:"):
        return "weighted mean of the ratios: skipped, the ratios were given"
    sizes = [float(matrix["rows"] * matrix["cols"]) for matrix in run.matrices]
    ratios = [matrix["sparsity_ratio"] for matrix in run.matrices]
    mean = np.average(np.array(ratios, np.longdouble), weights=np.array(sizes, np.longdouble))
    require(abs(mean - allocation["sparsity_ratio"]) <= 1e-12,
            f"report.json: weighted mean of the ratios {mean}, not {allocation['sparsity_ratio']}")
    return f"weighted mean of the ratios is {allocation['sparsity_ratio']} to 1e-12"


def check_spectra(run):
    stored = run.file["spectra"]
    if not stored:
        require(not run.file["metrics"], "/metrics is filled but /spectra is empty")
        return "spectra: skipped, the run computed none"
    worst = 0.0
    for matrix in run.matrices:
        name = matrix["name"]
        require(name in stored, f"/spectra/{name} is missing")
        values = stored[name][:]
        exact = np.linalg.svd(run.dense[name].values(), compute_uv=False)[::-1] ** 2
        require(values.shape == exact.shape, f"/spectra/{name}: {values.shape}")
        require(np.all(np.diff(values) >= 0), f"/spectra/{name}: not ascending")
        scale = exact[-1] * exact.size
        error = np.max(np.abs(values - exact)) / scale if scale else np.max(np.abs(values))
        require(error <= 1e-12, f"/spectra/{name}: off by {error:.2e} of max*n")
        worst = max(worst, error)
    return f"{len(run.matrices)} spectra against numpy's SVD: at most {worst:.1e} of max*n off"


def alpha_mid(values):
    tail = values[len(values) // 2:]
    with np.errstate(all="ignore"):
        return 1 + tail.size / (np.sum(np.log(tail)) - tail.size * np.log(tail[0]))


def check_metrics(run):
    stored = run.file["metrics"]
    files = {path.stem: path for path in (run.output / "metrics").glob("*.npy")}
    if not stored:
        return "metrics: skipped, the run computed none"
    require(set(files) <= set(stored), f"not in /metrics: {sorted(set(files) - set(stored))}")
    for name in stored:
        values = stored[name][:]
        require(values.shape == (len(run.matrices),), f"/metrics/{name}: {values.shape}")
        reported = np.array([matrix["metrics"][name] for matrix in run.matrices], np.float64)
        finite = np.isfinite(values)
        require(np.array_equal(values[finite], reported[finite]) and np.all(np.isnan(
            reported[~finite])), f"/metrics/{name} is not what report.json says")
        if name not in files:
            require(np.all(np.isnan(values)), f"metrics/{name}.npy is missing")
            continue
        array = np.load(files[name], allow_pickle=False)
        require(array.dtype == np.float64 and np.array_equal(array, values, equal_nan=True),
                f"metrics/{name}.npy is not /metrics/{name}")
    check_values(run, stored)
    return f"{len(files)} metrics: files, /metrics and report.json agree; alpha_mid recomputed"


def check_values(run, stored):
    """Metrics are rounded to 10 digits."""
    for i, matrix in enumerate(run.matrices):
        values = run.file["spectra"][matrix["name"]][:]
        for name, expected in (("alpha_mid", alpha_mid(values)), ("spectral_norm", values[-1])):
            got = stored[name][i] if name in stored else np.nan
            if np.isfinite(got):
                require(abs(got - expected) <= 1e-9 * abs(expected),
                        f"{name} of {matrix['name']}: {got}, not {expected}")


CHECKS = [check_root, check_tensors, check_matrices, check_kept, check_attributes, check_counts,
          check_pruning, check_budget, check_spectra, check_metrics]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", help="output folder of a run")
    parser.add_argument("model", help="folder of the dense model")
    parser.add_argument("--inclusive", action="store_true", help="the run used --ties inclusive")
    given = parser.parse_args()
    try:
        run = Run(given.output, given.model, given.inclusive)
        for check in CHECKS:
            print("ok:", check(run))
    except (Wrong, KeyError, OSError, ValueError) as problem:
        print("WRONG:", type(problem).__name__ if not isinstance(problem, Wrong) else "", problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
