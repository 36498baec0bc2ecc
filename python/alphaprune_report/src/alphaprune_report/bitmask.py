"""Tensors that are stored as a mask and the values that it names (--storage bitmask)."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray


def dense(bitmask: NDArray[np.uint8], values: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
    """The tensor of a mask and its values.

    bitmask: rows × ceil(columns / 8), a row for each row of the last dimension; bit i mod 8, the lowest
    first, of byte i div 8 says whether value i of the row is stored. values: the stored ones, in order.

    Raises ValueError where mask, values and shape do not belong together.
    """
    columns = int(shape[-1]) if len(shape) > 0 else 1
    rows = int(np.prod(shape[:-1], dtype=np.int64)) if len(shape) > 0 else 1
    if bitmask.ndim != 2 or bitmask.shape != (rows, (columns + 7) // 8):
        raise ValueError(f"a mask of shape {bitmask.shape} is not that of a tensor of shape {tuple(shape)}")
    mask = np.unpackbits(np.asarray(bitmask, np.uint8), axis=1, count=columns, bitorder="little")
    places = np.flatnonzero(mask)
    if places.size != values.size:
        raise ValueError(f"the mask has {places.size} values, {values.size} are stored")
    tensor = np.zeros(mask.size, values.dtype)
    tensor[places] = values.reshape(-1)
    return tensor.reshape(tuple(int(side) for side in shape))
