#pragma once

#include <cstdint>
#include <span>

#include "forward_family.hpp"

namespace alphaprune::transformer {

/// A norm's learned values; empty spans where it has none.
struct NormValues {
    std::span<const float> weights;
    std::span<const float> biases;
};

/// Each row of `values` normed by itself. RMS: x / √(mean x² + ε); layer: (x − mean) / √(variance +
/// ε), the variance divided by the count; then times the weights, plus the biases.
/// @param values  rows of `width` values, one after another
/// @param out     as long; may be the same memory
void apply_norm(NormKind kind, const NormValues& norm, double epsilon, std::int64_t width,
                std::span<const float> values, std::span<float> out);

}  // namespace alphaprune::transformer
