#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/parallel/share.hpp"

namespace alphaprune::transformer {

/// Attention with linear biases (ALiBi, arXiv 2108.12409): by how much a step of one position
/// raises a head's scores. For a power of two of heads 2^(−8/heads), 2^(−16/heads), …; otherwise
/// those of the power below, and every other one of twice that many. In bfloat16, as transformers
/// has it.
float alibi_slope(std::int64_t head, std::int64_t heads);

/// out ← slope·position for some positions, these and the product rounded to bfloat16.
void alibi_biases(float slope, parallel::RowRange positions, std::span<float> out);

}  // namespace alphaprune::transformer
