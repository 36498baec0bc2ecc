#pragma once

#include <span>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {

/// N of N:M for each matrix, and what comes of it.
struct MixedPatterns {
    std::vector<int> removed;    ///< N, one per matrix, the same within a block; 0 leaves it dense
    std::vector<double> ratios;  ///< N/M, one per matrix
};

/// Mixed N:M sparsity (AlphaPruning, arXiv 2410.10912): the N of a block follows its ratio, the
/// weighted mean over its matrices: N = round(M·s), from 0 to M−1. Then blocks are moved by one,
/// those first where it costs least, as long as that brings the weighted mean of N/M nearer to that
/// of the ratios. What remains is at most half of what a step of the smallest block that can still
/// be moved makes: 1/(2·M·blocks) with equal blocks.
/// @param ratios  one per matrix
/// @param group   M, 2 to 16
/// @throws Error (bad_request) when the mean of the ratios exceeds (M−1)/M
MixedPatterns mixed_patterns(std::span<const AllocationItem> items, std::span<const double> ratios,
                             int group = 8);

}  // namespace alphaprune::allocation
