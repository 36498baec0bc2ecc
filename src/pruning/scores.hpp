#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "alphaprune/pruning/row_pruning.hpp"

namespace alphaprune::pruning {

/// Wanda's score of a weight, in float32 as the published code has it.
inline float score_of(float weight, std::span<const float> input_norms, std::int64_t col) {
    const float magnitude = std::abs(weight);
    return input_norms.empty() ? magnitude : magnitude * input_norms[static_cast<std::size_t>(col)];
}

/// Calls use(row) for each row of a row-major matrix.
template <class Value, class Use>
void for_each_row(std::span<Value> weights, std::int64_t cols, Use use) {
    const auto width = static_cast<std::size_t>(cols);
    for (std::size_t at = 0; at < weights.size(); at += width) {
        use(weights.subspan(at, width));
    }
}

/// How many weights are zero, of either sign.
inline std::int64_t zeros_among(std::span<const float> weights) {
    std::int64_t zeros = 0;
    for (const float weight : weights) {
        zeros += weight == 0 ? 1 : 0;
    }
    return zeros;
}

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
