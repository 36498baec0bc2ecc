#pragma once

#include "alphaprune/linalg/far_lane.hpp"
#include "cuda/resources.cuh"

// What a FarLane does with weights that are chosen to stay, on a stream. Functions are those of the
// lane.

namespace alphaprune::linalg {

/// @param scratch  for counts
void choose_larger(cudaStream_t stream, const LargerChoice& work, device::DeviceMemory& scratch);
void choose_in_groups(cudaStream_t stream, const GroupChoice& work);
void add_chosen(cudaStream_t stream, const ChosenSum& work);
std::int64_t look_at_support(cudaStream_t stream, const SupportLook& work,
                             device::DeviceMemory& scratch);
void begin_refining(cudaStream_t stream, const RefinedRows& rows, const float* right);
void refine(cudaStream_t stream, const RefinedRows& rows);
void row_products(cudaStream_t stream, const float* one, const float* other, std::int64_t rows,
                  std::int64_t cols, double* out);

}  // namespace alphaprune::linalg
