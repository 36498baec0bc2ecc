#pragma once

#include <cstdint>

#include "cuda/card_products.cuh"
#include "cuda/forward_lane.hpp"
#include "cuda/resources.cuh"

// Work of a ForwardLane that is no matrix product, put on a stream.

namespace alphaprune::transformer::card {

/// @param parts  where parts of what is written go, too; for rows, or all, of a multiple of four
void norm(cudaStream_t stream, const Norm& work, const SplitRoom& parts);
void gate(cudaStream_t stream, const Gate& work, const SplitRoom& parts);
void rotate(cudaStream_t stream, const Rotation& work);
void copy_rows(cudaStream_t stream, const RowCopy& work);
void gather(cudaStream_t stream, const Gathering& work);
void scatter(cudaStream_t stream, const Scattering& work);
void add(cudaStream_t stream, const Addition& work);
/// Each row of `out` grows by the bias.
void add_bias(cudaStream_t stream, float* out, std::int64_t rows, std::int64_t width,
              const float* bias);
/// Values rounded to the type.
void narrow(cudaStream_t stream, const float* from, std::int64_t count, support::ScalarType type,
            void* to);
/// @param scratch  for sums of some of the rows
void column_squares(cudaStream_t stream, const float* values, std::int64_t rows, std::int64_t cols,
                    float* sums, device::DeviceMemory& scratch);

}  // namespace alphaprune::transformer::card
