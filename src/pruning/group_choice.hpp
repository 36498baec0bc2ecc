#pragma once

#include <array>
#include <cstddef>

#include "alphaprune/pruning/row_pruning.hpp"

namespace alphaprune::pruning {

/// The largest M of N:M.
inline constexpr int kLargestGroup = 16;

/// How many weights a group of this width loses: N, or its share of them in a last group that is
/// narrower than M.
constexpr int removed_of(Pattern pattern, int width) {
    return width * pattern.removed / pattern.group;
}

/// How many scores of the group come before the one at `index`: lower ones, and equal ones further
/// to the left.
inline int rank_among(const std::array<float, kLargestGroup>& scores, int width, int index) {
    const float own = scores[static_cast<std::size_t>(index)];
    int before = 0;
    for (int i = 0; i < width; ++i) {
        const float other = scores[static_cast<std::size_t>(i)];
        before += other < own || (other == own && i < index) ? 1 : 0;
    }
    return before;
}

}  // namespace alphaprune::pruning
