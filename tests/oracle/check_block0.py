#!/usr/bin/python3
"""The first block of a finished run against one pruned by independent code.

    check_block0.py CHECKPOINT REFERENCE.npz --agreement SHARE --distance LIMIT
                    [--block SHARE]

The reference holds the bits of each matrix. Of each matrix it prints the share of the weights that
are zero in both or in neither, and how far apart the values are that both keep, relative to the
norm of the reference's. Ends with status 1 when a matrix agrees in less than SHARE of its weights,
or all of them together in less than theirs, or the distance is beyond LIMIT.
"""
import argparse
import sys

import h5py
import numpy as np

import checkpoint_file
import model_folder


def values(bits):
    """bfloat16 bits as float32."""
    return (bits.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def compare(ours, theirs):
    """Share of the weights with the same fate, and the distance of those that both keep."""
    agreement = float(((ours == 0) == (theirs == 0)).mean())
    kept = (ours != 0) & (theirs != 0)
    distance = np.linalg.norm((ours - theirs)[kept]) / np.linalg.norm(theirs[kept])
    return agreement, float(distance)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("reference")
    parser.add_argument("--agreement", type=float, required=True)
    parser.add_argument("--distance", type=float, required=True)
    parser.add_argument("--block", type=float, default=0)
    arguments = parser.parse_args()
    wrong = []
    same = weights = 0
    with h5py.File(arguments.checkpoint) as file, np.load(arguments.reference) as reference:
        for name in reference.files:
            stored = checkpoint_file.read_tensor(file["tensors"][name], name)
            if stored.kind != "BF16" or stored.shape != reference[name].shape:
                wrong.append(f"{name}: {stored.kind} {stored.shape}")
                continue
            agreement, distance = compare(values(stored.bits), values(reference[name]))
            print(f"{name}: agreement {agreement:.6f}, distance {distance:.2e}, "
                  f"zeros {int((stored.bits & 0x7fff == 0).sum())}"
                  f" and {int((reference[name] & 0x7fff == 0).sum())}")
            same += agreement * stored.bits.size
            weights += stored.bits.size
            if not (agreement >= arguments.agreement and distance <= arguments.distance):
                wrong.append(name)
        if not reference.files:
            wrong.append("the reference is empty")
        elif weights:
            print(f"all: agreement {same / weights:.6f}")
            if same < arguments.block * weights:
                wrong.append("all matrices together")
    if wrong:
        sys.exit("wrong: " + ", ".join(wrong))


if __name__ == "__main__":
    main()
