#pragma once

#include <cstdint>

#include "cuda/forward_lane.hpp"
#include "cuda/resources.cuh"

namespace alphaprune::transformer::card {

/// See ForwardLane::drop_lowest. @param scratch  for the number of scores that are not finite
std::int64_t drop_lowest(cudaStream_t stream, const Dropping& work, device::DeviceMemory& scratch);

}  // namespace alphaprune::transformer::card
