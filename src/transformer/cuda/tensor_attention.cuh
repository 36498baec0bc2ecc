#pragma once

#include "cuda/forward_lane.hpp"
#include "cuda/resources.cuh"

namespace alphaprune::transformer::card {

/// Attention with tensor cores: operands in parts of bfloat16, sums and softmax in float32. The
/// scores of a tile of queries with a tile of keys live in registers (Dao et al., FlashAttention-2,
/// arXiv:2307.08691, algorithm 1).
/// @param parts    1 to 3, of each operand; products of parts i and j with i + j < parts count
/// @param scratch  for the operands' parts
/// @returns false, with nothing done, where the sizes of the heads or the card's memory do not
///          allow it
bool attend_in_parts(cudaStream_t stream, const Attention& work, int parts,
                     device::DeviceMemory& scratch);

}  // namespace alphaprune::transformer::card
