#!/usr/bin/env python3
"""Turns reference files that the C++ tests cannot read (.npz) into ones that they can.

    python3 convert.py          (from any folder; needs numpy)

books-7m-eigenvalues-f64.npz -> books-7m-eigenvalues-f64.npy
    float64, one row a matrix in the order of "matrices" in books-7m-reference.json; each row holds
    the eigenvalues in ascending order, then NaN up to the length of the longest.
books-7m-logits.npz -> books-7m-logits.npy
    float32, one row a position; each row holds the position, then the logits there. The sequence is
    the first 512 tokens of data/books-7m/eval.npy.
"""
import json
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent


def convert_eigenvalues():
    names = json.loads((FOLDER / "books-7m-reference.json").read_text())["matrices"]
    spectra = np.load(FOLDER / "books-7m-eigenvalues-f64.npz")
    rows = [spectra[name] for name in names]
    table = np.full((len(rows), max(map(len, rows))), np.nan)
    for row, values in zip(table, rows):
        assert values.dtype == np.float64 and np.all(np.diff(values) >= 0)
        row[: len(values)] = values
    np.save(FOLDER / "books-7m-eigenvalues-f64.npy", table)


def convert_logits():
    reference = np.load(FOLDER / "books-7m-logits.npz")
    tokens = np.load(FOLDER.parents[2] / "data" / "books-7m" / "eval.npy")
    assert np.array_equal(reference["input_ids"], tokens[: len(reference["input_ids"])])
    positions = reference["rows"].astype(np.float32)[:, None]
    np.save(FOLDER / "books-7m-logits.npy", np.hstack([positions, reference["logits"]]))


if __name__ == "__main__":
    convert_eigenvalues()
    convert_logits()
