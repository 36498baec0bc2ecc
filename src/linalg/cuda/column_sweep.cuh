#pragma once

#include "alphaprune/linalg/far_lane.hpp"
#include "cuda/resources.cuh"

// SparseGPT's part of a FarLane, on a stream. Functions are those of the lane.

namespace alphaprune::linalg {

void score(cudaStream_t stream, const PanelScores& work);
void count_magnitudes(cudaStream_t stream, const MagnitudeCount& work);
void sweep(cudaStream_t stream, const PanelSweep& work);

}  // namespace alphaprune::linalg
