"""Tensors of a folder of safetensors or of a checkpoint.h5, dense or as mask and values."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from .bitmask import dense

Path_ = Union[str, "os.PathLike[str]"]

# By safetensors' name of the type: what holds its bits.
BITS = {"BOOL": "u1", "U8": "u1", "I8": "u1", "F8_E4M3": "u1", "F8_E5M2": "u1", "F8_E8M0": "u1",
        "U16": "<u2", "I16": "<u2", "F16": "<u2", "BF16": "<u2", "U32": "<u4", "I32": "<u4", "F32": "<u4",
        "U64": "<u8", "I64": "<u8", "F64": "<u8"}
# What numpy knows of them.
VALUES = {"BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "F16": "<f2", "U32": "<u4",
          "I32": "<i4", "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8"}
PARTS = ("bitmask", "values", "offsets")


@dataclass(frozen=True)
class TensorInfo:
    """A tensor as it is when it is dense."""

    name: str
    dtype: str  # safetensors' name of the type
    shape: Tuple[int, ...]
    masked: bool  # stored as mask and values


def values_of(bits: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Values of a type from their bits; of bfloat16, which numpy does not know, as float32."""
    if dtype == "BF16":
        widened: NDArray[Any] = bits.astype(np.uint32) << 16
        return widened.view(np.float32)
    if dtype not in VALUES:
        raise TypeError(f"numpy knows no values of type {dtype}: use raw()")
    return bits.view(VALUES[dtype])


class Tensors(Mapping[str, NDArray[Any]]):
    """Tensors by name, each read when it is asked for."""

    @abstractmethod
    def info(self, name: str) -> TensorInfo:
        """Raises KeyError where there is no such tensor."""

    @abstractmethod
    def names(self) -> List[str]:
        """In the order of the files."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())


@dataclass(frozen=True)
class _Stored:
    file: Path
    dtype: str
    shape: Tuple[int, ...]
    begin: int
    end: int


def _read_header(file: Path) -> Tuple[Dict[str, Any], int]:
    with open(file, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if 8 + length > os.fstat(stream.fileno()).st_size:
            raise ValueError(f"{file} is no safetensors file, or was cut off")
        text = stream.read(length)
    return dict(json.loads(text)), 8 + length


class ModelFolder(Tensors):
    """All safetensors files of a folder, or one file."""

    def __init__(self, path: Path_) -> None:
        path = Path(path)
        files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
        if not files:
            raise FileNotFoundError(f"{path} has no safetensors files")
        self._stored: Dict[str, _Stored] = {}
        self._masked: Dict[str, Tuple[int, ...]] = {}
        for file in files:
            header, start = _read_header(file)
            metadata = header.pop("__metadata__", {})
            for name, shape in json.loads(metadata.get("bitmask_shapes", "{}")).items():
                self._masked[name] = tuple(shape)
            for name, entry in header.items():
                begin, end = entry["data_offsets"]
                self._stored[name] = _Stored(file, entry["dtype"], tuple(entry["shape"]), start + begin,
                                             start + end)

    def names(self) -> List[str]:
        parts = {f"{name}.{part}": name for name in self._masked for part in PARTS}
        return list(dict.fromkeys(parts.get(name, name) for name in self._stored))

    def info(self, name: str) -> TensorInfo:
        if name in self._masked:
            return TensorInfo(name, self._stored[f"{name}.values"].dtype, self._masked[name], True)
        stored = self._stored[name]
        return TensorInfo(name, stored.dtype, stored.shape, False)

    def _bits(self, name: str) -> NDArray[Any]:
        stored = self._stored[name]
        if stored.dtype not in BITS:
            raise TypeError(f"{name} is of type {stored.dtype}, which has no whole bytes")
        kind = np.dtype(BITS[stored.dtype])
        return np.fromfile(stored.file, kind, (stored.end - stored.begin) // kind.itemsize,
                           offset=stored.begin).reshape(stored.shape)

    def raw(self, name: str) -> NDArray[Any]:
        """The bits of a tensor as unsigned integers."""
        if name in self._masked:
            return dense(self._bits(f"{name}.bitmask"), self._bits(f"{name}.values"), self._masked[name])
        return self._bits(name)

    def __getitem__(self, name: str) -> NDArray[Any]:
        info = self.info(name)
        return values_of(self.raw(name), info.dtype)


class Checkpoint(Tensors):
    """A checkpoint.h5; needs h5py. To be closed, or used in a `with` statement."""

    def __init__(self, path: Path_) -> None:
        try:
            import h5py
        except ImportError as problem:
            raise ImportError("checkpoint.h5 is read with h5py: pip install h5py") from problem
        self._file: Any = h5py.File(os.fspath(path), "r")
        found = [(int(entry.attrs["position"]), name) for name, entry in self._entries()]
        self._names = [name for _, name in sorted(found)]

    def _entries(self) -> Iterator[Tuple[str, Any]]:
        """All tensors; a name with slashes lies in groups."""
        waiting = [("", self._file["tensors"])]
        while waiting:
            prefix, group = waiting.pop()
            for name in group:
                entry = group[name]
                if "dtype" in entry.attrs:
                    yield prefix + name, entry
                else:
                    waiting.append((f"{prefix}{name}/", entry))

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def names(self) -> List[str]:
        return list(self._names)

    def _entry(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._file[f"tensors/{name}"]

    def info(self, name: str) -> TensorInfo:
        entry = self._entry(name)
        masked = not hasattr(entry, "shape")
        shape = entry.attrs["shape"] if "shape" in entry.attrs else entry.shape
        dtype = entry.attrs["dtype"]
        return TensorInfo(name, dtype.decode() if isinstance(dtype, bytes) else str(dtype),
                          tuple(int(side) for side in shape), masked)

    def __getitem__(self, name: str) -> NDArray[Any]:
        entry = self._entry(name)
        info = self.info(name)
        if info.masked:
            return dense(entry["bitmask"][:], entry["values"][:], info.shape)
        values: NDArray[Any] = entry[()]
        return values

    def spectrum(self, name: str) -> NDArray[np.float64]:
        """The eigenvalues of a prunable matrix, ascending. Raises KeyError where none are stored."""
        return np.asarray(self._file[f"spectra/{name}"], np.float64)

    def metric(self, name: str) -> NDArray[np.float64]:
        """One value per matrix. Raises KeyError where it is not stored."""
        return np.asarray(self._file[f"metrics/{name}"], np.float64)
