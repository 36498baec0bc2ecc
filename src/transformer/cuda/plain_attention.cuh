#pragma once

#include "cuda/forward_lane.hpp"
#include "cuda/resources.cuh"

namespace alphaprune::transformer::card {

/// Attention of any sizes in float32, without tensor cores.
void attend_plainly(cudaStream_t stream, const Attention& work);

}  // namespace alphaprune::transformer::card
