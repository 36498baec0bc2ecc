#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

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

}  // namespace alphaprune::pruning
