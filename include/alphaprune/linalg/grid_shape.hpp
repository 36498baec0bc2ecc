#pragma once

#include <cstdint>

namespace alphaprune::linalg {

/// Rows and columns of a process grid.
struct GridShape {
    int rows = 1;
    int cols = 1;

    int ranks() const { return rows * cols; }
    friend bool operator==(const GridShape&, const GridShape&) = default;
};

/// The grid that uses most of `ranks` and is at most three times as wide as high (a prime number
/// of ranks leaves some out rather than make one long row), with no more columns than `order`, so
/// that each rank of it has a share of a matrix of that order. ELPA and ScaLAPACK work on it.
GridShape near_square_grid(int ranks, std::int64_t order);

}  // namespace alphaprune::linalg
