"""The output folder of a run."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Union

import numpy as np
from numpy.typing import NDArray

from .tensors import Checkpoint, ModelFolder, Path_

if TYPE_CHECKING:
    import pandas

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Matrix:
    """A prunable matrix. What was not computed is None; an undefined metric is NaN."""

    name: str
    block: int
    rows: int
    cols: int
    metrics: Dict[str, float]
    sparsity_ratio: Optional[float]  # asked for
    sparsity: Optional[float]  # reached
    zeros: Optional[int]
    seconds: Optional[float]

    @property
    def weights(self) -> int:
        return self.rows * self.cols


@dataclass(frozen=True)
class Perplexity:
    """On one text, of the dense and of the pruned model; NaN where it is no number."""

    text: str
    seqlen: int
    windows: int
    dense: float
    pruned: float


def _number(value: Optional[float]) -> float:
    return float("nan") if value is None else float(value)


def _matrix(entry: Dict[str, Any]) -> Matrix:
    return Matrix(name=entry["name"], block=entry["block"], rows=entry["rows"], cols=entry["cols"],
                  metrics={name: _number(value) for name, value in entry["metrics"].items()},
                  sparsity_ratio=entry["sparsity_ratio"], sparsity=entry["sparsity"],
                  zeros=entry["zeros"], seconds=entry["seconds"])


class Run:
    """What a run, or an analysis, has left in its output folder."""

    def __init__(self, folder: Path_) -> None:
        self.folder = Path(os.fspath(folder))
        text = (self.folder / "report.json").read_text(encoding="utf-8")
        self.report: Dict[str, Any] = json.loads(text)
        version = self.report.get("schema_version")
        if version != SCHEMA_VERSION:
            raise ValueError(f"{self.folder}: schema version {version}, this package reads {SCHEMA_VERSION}")
        self.matrices: List[Matrix] = [_matrix(entry) for entry in self.report["matrices"]]
        self.perplexities: List[Perplexity] = [
            Perplexity(entry["text"], entry["seqlen"], entry["windows"], _number(entry["dense"]),
                       _number(entry["pruned"])) for entry in self.report.get("perplexity", [])]

    def __repr__(self) -> str:
        sparsity = self.report["sparsity"]
        done = "analyzed" if sparsity is None else f"sparsity {sparsity:.4g}"
        return f"Run({str(self.folder)!r}: {self.report['model']['name']}, {done})"

    def metric(self, name: str) -> NDArray[np.float64]:
        """One value per matrix, in their order. Raises KeyError where it was not computed."""
        file = self.folder / "metrics" / f"{name}.npy"
        if file.is_file():
            return np.asarray(np.load(file), np.float64)
        return np.array([matrix.metrics[name] for matrix in self.matrices], np.float64)

    def frame(self) -> pandas.DataFrame:
        """A row per matrix: what the report has of it, and a column per metric. Needs pandas."""
        import pandas

        rows = [{"name": matrix.name, "block": matrix.block, "rows": matrix.rows, "cols": matrix.cols,
                 "weights": matrix.weights, "sparsity_ratio": matrix.sparsity_ratio,
                 "sparsity": matrix.sparsity, "zeros": matrix.zeros, "seconds": matrix.seconds,
                 **matrix.metrics} for matrix in self.matrices]
        return pandas.DataFrame(rows)

    def blocks(self) -> pandas.DataFrame:
        """A row per block: weights, zeros and sparsity over its matrices, and the mean of each metric."""
        frame = self.frame()
        metrics = [name for name in (self.matrices[0].metrics if self.matrices else {})]
        groups = frame.groupby("block")
        table = groups[["weights", "zeros"]].sum(min_count=1)
        table["sparsity"] = table["zeros"] / table["weights"]
        return table.join(groups[metrics].mean()) if metrics else table

    def checkpoint(self) -> Checkpoint:
        """checkpoint.h5, to be closed. Needs h5py."""
        return Checkpoint(self.folder / "checkpoint.h5")

    def spectrum(self, matrix: str) -> NDArray[np.float64]:
        """The eigenvalues of a matrix, ascending, from checkpoint.h5. Needs h5py."""
        with self.checkpoint() as checkpoint:
            return checkpoint.spectrum(matrix)

    def tensors(self) -> Union[ModelFolder, Checkpoint]:
        """The pruned model: hf/ if there is one, else checkpoint.h5."""
        folder = self.folder / "hf"
        return ModelFolder(folder) if folder.is_dir() else self.checkpoint()
