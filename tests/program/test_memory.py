"""What a rank takes during calibration stays within what the program says before it starts."""
import re
import unittest

from harness import BOOKS, ProgramTest

UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def size(text):
    value, unit = text.split()
    return float(value) * UNITS[unit]


class Memory(ProgramTest):
    def peak_and_parts(self, name, *options):
        """One block of eight takes what any of them does."""
        done = self.succeed(BOOKS, self.folder / name, "--allocation", "uniform", "--blocks", "0-0",
                            *options, ranks=2)
        peak = size(re.search(r"peak memory of this rank ([\d.]+ \w+)", done.stderr).group(1))
        parts = re.search(r"\(weights ([^,]+), activations ([^,]+), statistics ([^)]+)\)",
                          done.stderr)
        return peak, [size(part) for part in parts.groups()] if parts else None

    def test_calibration(self):
        base, _ = self.peak_and_parts("magnitude")
        peak, (weights, activations, statistics) = self.peak_and_parts(
            "sparsegpt", "--prune-method", "sparsegpt", "--sparsity-ratio", "0.5",
            "--calibration", BOOKS / "calibration.npy")
        own = 128 // 2 * 512 * 256 * 4  # this rank's sequences × tokens × hidden, in float32
        self.assertGreaterEqual(activations, own)
        self.assertLessEqual(activations, 3 * own)
        self.assertGreaterEqual(peak - base, 0.8 * own, "the activations were there at all")
        slack = 16e6  # MPI's and HDF5's buffers, the BLAS, the other rank's half of the weights
        self.assertLessEqual(peak - base, weights + activations + statistics + slack)


if __name__ == "__main__":
    unittest.main()
