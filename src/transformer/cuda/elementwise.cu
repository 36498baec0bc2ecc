#include "cuda/elementwise.cuh"

#include <algorithm>

#include "cuda/forward_kernels.hpp"
#include "cuda/launch.cuh"

namespace alphaprune::transformer::card {
namespace {

/// One row for each group of threads.
__global__ void norm_rows(Norm work) {
    const float* const row = work.values + std::int64_t{blockIdx.x} * work.width;
    float* const out = work.out + std::int64_t{blockIdx.x} * work.width;
    const auto size = static_cast<double>(work.width);
    float shift = 0;
    if (work.centered) {
        double mine = 0;
        for (std::int64_t i = threadIdx.x; i < work.width; i += blockDim.x) {
            mine += static_cast<double>(row[i]);
        }
        shift = static_cast<float>(over_group(mine, Sum{}) / size);
    }
    double mine = 0;
    for (std::int64_t i = threadIdx.x; i < work.width; i += blockDim.x) {
        const auto distance = static_cast<double>(row[i] - shift);
        mine += distance * distance;
    }
    const auto factor =
        static_cast<float>(1.0 / sqrt(over_group(mine, Sum{}) / size + work.epsilon));
    for (std::int64_t i = threadIdx.x; i < work.width; i += blockDim.x) {
        float value = (row[i] - shift) * factor;
        if (work.weights != nullptr) {
            value *= work.unit_offset ? 1.0F + work.weights[i] : work.weights[i];
        }
        out[i] = work.biases != nullptr ? value + work.biases[i] : value;
    }
}

/// A column for each thread, some of the rows for each row of groups.
__global__ void sum_column_squares(const float* values, std::int64_t rows, std::int64_t cols,
                                   std::int64_t rows_each, double* sums) {
    const std::int64_t col = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (col >= cols) {
        return;
    }
    const std::int64_t begin = blockIdx.y * rows_each;
    const std::int64_t end = min(begin + rows_each, rows);
    double sum = 0;
    for (std::int64_t row = begin; row < end; ++row) {
        const auto value = static_cast<double>(values[row * cols + col]);
        sum += value * value;
    }
    sums[blockIdx.y * cols + col] = sum;
}

template <class Body>
void run_over(cudaStream_t stream, std::int64_t count, const char* name, const Body& body) {
    if (count > 0) {
        for_each_index<<<groups_for(count), kThreads, 0, stream>>>(count, body);
        check_cuda(cudaGetLastError(), name);
    }
}

}  // namespace

void norm(cudaStream_t stream, const Norm& work) {
    if (work.rows > 0 && work.width > 0) {
        const auto threads = static_cast<unsigned>(
            std::clamp<std::int64_t>((work.width / 4 + 31) / 32 * 32, 32, kThreads));
        norm_rows<<<static_cast<unsigned>(work.rows), threads, 0, stream>>>(work);
        check_cuda(cudaGetLastError(), "norm");
    }
}

void gate(cudaStream_t stream, const Gate& work) {
    run_over(stream, work.count, "gate",
             [work] __device__(std::int64_t i) { work.gate[i] = kernels::gated(work, i); });
}

void rotate(cudaStream_t stream, const Rotation& work) {
    run_over(stream, work.tokens * work.heads * work.pairs, "rotate",
             [work] __device__(std::int64_t i) { kernels::rotate_pair(work, i); });
}

void copy_rows(cudaStream_t stream, const RowCopy& work) {
    run_over(stream, work.rows * work.width, "copy_rows", [work] __device__(std::int64_t i) {
        const auto [row, col] = kernels::place_of(i, work.width);
        const std::int64_t from = kernels::place_of(row, work.repeat).row;
        work.to[row * work.to_stride + col] = work.from[from * work.from_stride + col];
    });
}

void gather(cudaStream_t stream, const Gathering& work) {
    run_over(stream, work.rows * work.width, "gather", [work] __device__(std::int64_t i) {
        const auto [place, col] = kernels::place_of(i, work.width);
        work.to[i] = work.from[work.indices[place] * work.width + col];
    });
}

void scatter(cudaStream_t stream, const Scattering& work) {
    run_over(stream, work.rows * work.width, "scatter", [work] __device__(std::int64_t i) {
        const auto [place, col] = kernels::place_of(i, work.width);
        const std::int64_t row = work.indices != nullptr ? work.indices[place] : place;
        float factor = work.factors != nullptr ? work.factors[place] : 1.0F;
        if (work.as_gates && work.factors != nullptr) {
            factor = 1.0F / (1.0F + expf(-factor));
        }
        work.sum[row * work.width + col] += factor * work.values[i];
    });
}

void add(cudaStream_t stream, const Addition& work) {
    run_over(stream, work.count, "add",
             [work] __device__(std::int64_t i) { work.sum[i] += work.factor * work.added[i]; });
}

void add_bias(cudaStream_t stream, float* out, std::int64_t rows, std::int64_t width,
              const float* bias) {
    run_over(stream, rows * width, "add_bias", [out, width, bias] __device__(std::int64_t i) {
        out[i] += bias[kernels::place_of(i, width).col];
    });
}

void narrow(cudaStream_t stream, const float* from, std::int64_t count, support::ScalarType type,
            void* to) {
    run_over(stream, count, "narrow", [from, type, to] __device__(std::int64_t i) {
        if (type == support::ScalarType::float16 || type == support::ScalarType::bfloat16) {
            static_cast<std::uint16_t*>(to)[i] = kernels::rounded_to(type, from[i]);
        } else {
            linalg::kernels::narrow_to(to, type, i, from[i]);
        }
    });
}

void column_squares(cudaStream_t stream, const float* values, std::int64_t rows, std::int64_t cols,
                    float* sums, device::DeviceMemory& scratch) {
    if (cols == 0) {
        return;
    }
    // As many as the matrix alone says, so that the bits repeat.
    const std::int64_t slices = std::clamp<std::int64_t>(rows / 32, 1, 64);
    auto* const parts = scratch.require<double>(static_cast<std::size_t>(slices * cols));
    const dim3 groups(static_cast<unsigned>((cols + kThreads - 1) / kThreads),
                      static_cast<unsigned>(slices));
    sum_column_squares<<<groups, kThreads, 0, stream>>>(values, rows, cols,
                                                        (rows + slices - 1) / slices, parts);
    check_cuda(cudaGetLastError(), "sum_column_squares");
    run_over(stream, cols, "column_squares",
             [parts, slices, cols, sums] __device__(std::int64_t i) {
                 double sum = 0;
                 for (std::int64_t slice = 0; slice < slices; ++slice) {
                     sum += parts[slice * cols + i];
                 }
                 sums[i] = static_cast<float>(sum);
             });
}

}  // namespace alphaprune::transformer::card
