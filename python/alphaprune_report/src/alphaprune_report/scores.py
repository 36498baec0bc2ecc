"""Scores of multiple-choice items: `evaluate --choices TASK --scores FILE`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence

from .tensors import Path_


@dataclass(frozen=True)
class ItemScore:
    """What a model has chosen in an item."""

    file: str
    item: int
    loglikelihoods: List[float]
    characters: List[int]
    chosen: int
    chosen_norm: int
    answers: List[int]

    @property
    def right(self) -> bool:
        return self.chosen in self.answers

    @property
    def right_norm(self) -> bool:
        return self.chosen_norm in self.answers


def load_scores(path: Path_) -> List[ItemScore]:
    """All items of the file, in its order."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [ItemScore(**json.loads(line)) for line in lines if line]


def accuracy(items: Sequence[ItemScore], normalized: bool = False) -> float:
    """The share of the items that were answered right: acc, or acc_norm. NaN of none."""
    right = sum(item.right_norm if normalized else item.right for item in items)
    return right / len(items) if items else float("nan")
