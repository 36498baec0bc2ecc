"""Reads checkpoint.h5 with h5py alone."""
import h5py
import numpy as np

from model_folder import DTYPES, Tensor

# sign, exponent position and size, mantissa position and size; bias; bytes
FLOATS = {
    "F32": ((31, 23, 8, 0, 23), 127, 4),
    "F16": ((15, 10, 5, 0, 10), 15, 2),
    "BF16": ((15, 7, 8, 0, 7), 127, 2),
}


def kind_of(dataset):
    """F32, F16 or BF16 from the fields of the HDF5 type; None for anything else."""
    stored = dataset.id.get_type()
    if not isinstance(stored, h5py.h5t.TypeFloatID) or stored.get_order() != h5py.h5t.ORDER_LE:
        return None
    form = (stored.get_fields(), stored.get_ebias(), stored.get_size())
    return next((kind for kind, known in FLOATS.items() if known == form), None)


def read_tensor(dataset, name):
    """The tensor with its bits untouched: memory type and file type are the same."""
    kind = kind_of(dataset)
    if kind is None:
        return Tensor(name, "unknown", dataset.shape, None)
    bits = np.empty(dataset.shape, DTYPES[kind])
    if bits.size:
        dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, bits, mtype=dataset.id.get_type())
    return Tensor(name, kind, dataset.shape, bits)


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)
