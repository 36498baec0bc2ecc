#pragma once

#include <cstdint>

#include "cuda/forward_lane.hpp"
#include "cuda/resources.cuh"

// What sums of products need beside the products, put on a stream: see ForwardLane.

namespace alphaprune::transformer::card {

void subtract(cudaStream_t stream, const Difference& work);
void add_in_double(cudaStream_t stream, double* sums, const float* values, std::int64_t count);

}  // namespace alphaprune::transformer::card
