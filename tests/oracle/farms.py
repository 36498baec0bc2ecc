"""FARMS in a few lines of numpy, sharing nothing with the program."""
import numpy as np


def windows(matrix, aspect, largest_side=2000, offsets=10):
    """Copies of all windows; the matrix must be wide enough for the aspect."""
    rows, cols = matrix.shape
    height = min(largest_side, rows, cols)
    width = int(height * aspect)
    assert 1 <= width <= cols
    found = []
    row_step = max(1, (rows - height) // (offsets - 1))
    col_step = max(1, (cols - width) // (offsets - 1))
    for row in range(0, rows - height + 1, row_step)[:offsets]:
        for col in range(0, cols - width + 1, col_step)[:offsets]:
            found.append(matrix[row:row + height, col:col + width].copy())
    return found


def pool(matrix, aspect=1.0):
    """Squared singular values of all windows, ascending."""
    return np.sort(np.concatenate([np.linalg.svd(window, compute_uv=False) ** 2
                                   for window in windows(matrix, aspect)]))


def alpha_peak(values):
    """Every candidate start, every value of its tail."""
    positive = np.log10(values[values > 0])
    counts, edges = np.histogram(positive, bins=100)
    peak = 10 ** edges[np.argmax(counts)]
    best = (np.inf, np.nan)
    for start in range(len(values) - 1):
        if values[start] <= 0 or not np.log10(0.95 * peak) <= values[start] <= 1.5 * peak:
            continue
        tail = np.log(values[start:] / values[start])
        if tail.sum() <= 0:
            continue
        alpha = 1 + len(tail) / tail.sum()
        counted = np.arange(len(tail)) / len(tail)
        best = min(best, (np.max(np.abs(1 - np.exp((1 - alpha) * tail) - counted)), alpha))
    return best[1]
