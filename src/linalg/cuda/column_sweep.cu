#include "cuda/column_sweep.cuh"

#include <algorithm>

#include "cuda/launch.cuh"
#include "cuda/spectrum_kernels.hpp"

namespace alphaprune::linalg {

using namespace device;  // launches

namespace {

constexpr int kWidest = PanelSweep::kWidest;
constexpr unsigned kAllLanes = 0xFFFFFFFFU;

/// The same bits wherever it is computed: thresholds are compared with it.
__device__ float score_of(float weight, float diagonal) {
    return __fdiv_rn(__fmul_rn(weight, weight), __fmul_rn(diagonal, diagonal));
}

/// Counts in shared memory first, of which there is 4·2^bits bytes.
__global__ void count_in_groups(MagnitudeCount work) {
    extern __shared__ std::uint32_t counts[];
    const std::uint32_t bins = 1U << work.bits;
    for (std::uint32_t bin = threadIdx.x; bin < bins; bin += blockDim.x) {
        counts[bin] = 0;
    }
    __syncthreads();
    const int lower = work.undecided - work.bits;
    const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < work.count;
         i += step) {
        const bool is_gone = work.gone != nullptr && work.gone[i] != 0;
        const std::uint32_t key = is_gone ? 0 : kernels::bits_of_float(fabsf(work.values[i]));
        const std::uint64_t wide = key;
        if (wide >> work.undecided == work.decided) {
            atomicAdd(&counts[key >> lower & (bins - 1)], 1U);
        }
    }
    __syncthreads();
    for (std::uint32_t bin = threadIdx.x; bin < bins; bin += blockDim.x) {
        if (counts[bin] > 0) {
            atomicAdd(&work.counts[bin], counts[bin]);
        }
    }
}

constexpr int kWarps = 8;           // of a group, which sweep a row each
constexpr int kOwn = kWidest / 32;  // consecutive columns of a row for each lane
constexpr int kLargestGroup = 16;

/// What the warps of a group share: the block of U, zero below the diagonal and beyond the panel,
/// and of each warp its row's weights, where the scores of a group of columns are found.
struct Shared {
    float factor[kWidest][kWidest];
    float row[kWarps][kWidest];
    float scores[kWarps][kLargestGroup];
};

/// A row of the panel in the registers of a warp.
struct Row {
    float weights[kOwn];
    float errors[kOwn];
};

/// Column 4·owner + place of a row goes, with what that asks of the columns right of it.
template <int Place>
__device__ void remove(Row& row, const Shared& shared, int owner, unsigned lane) {
    const int col = owner * kOwn + Place;
    const float weight = __shfl_sync(kAllLanes, row.weights[Place], owner);
    const float error = weight / shared.factor[col][col];
    const float4 factor = *reinterpret_cast<const float4*>(&shared.factor[col][lane * kOwn]);
    row.weights[0] -= error * factor.x;
    row.weights[1] -= error * factor.y;
    row.weights[2] -= error * factor.z;
    row.weights[3] -= error * factor.w;
    if (static_cast<int>(lane) == owner) {
        row.weights[Place] = 0;
        row.errors[Place] = error;
    }
}

__device__ void remove(Row& row, const Shared& shared, int col, unsigned lane) {
    const int owner = col / kOwn;
    switch (col % kOwn) {
        case 0:
            remove<0>(row, shared, owner, lane);
            break;
        case 1:
            remove<1>(row, shared, owner, lane);
            break;
        case 2:
            remove<2>(row, shared, owner, lane);
            break;
        default:
            remove<3>(row, shared, owner, lane);
    }
}

/// Whether a column is gone beforehand.
__device__ bool is_gone(const PanelSweep& work, std::int64_t row, std::int64_t col) {
    return work.gone != nullptr && work.gone[row * work.gone_stride + col] != 0;
}

__device__ void sweep_by_threshold(const PanelSweep& work, std::int64_t number, Row& row,
                                   const Shared& shared, unsigned lane) {
    unsigned removed[kOwn];  // bit `owner` of each place
#pragma unroll
    for (int place = 0; place < kOwn; ++place) {
        const int col = static_cast<int>(lane) * kOwn + place;
        const bool goes = col < work.cols && (score_of(row.weights[place],
                                                       shared.factor[col][col]) <= work.threshold ||
                                              is_gone(work, number, col));
        removed[place] = __ballot_sync(kAllLanes, goes);
    }
    const int owners = static_cast<int>(work.cols + kOwn - 1) / kOwn;
    for (int owner = 0; owner < owners; ++owner) {
        if (removed[0] >> owner & 1U) {
            remove<0>(row, shared, owner, lane);
        }
        if (removed[1] >> owner & 1U) {
            remove<1>(row, shared, owner, lane);
        }
        if (removed[2] >> owner & 1U) {
            remove<2>(row, shared, owner, lane);
        }
        if (removed[3] >> owner & 1U) {
            remove<3>(row, shared, owner, lane);
        }
    }
}

/// Bit i: column first + i of the group goes.
__device__ unsigned removed_of_group(const PanelSweep& work, std::int64_t number, const Row& row,
                                     Shared& shared, int first, int width) {
    const unsigned lane = threadIdx.x % 32;
    const unsigned warp = threadIdx.x / 32;
#pragma unroll
    for (int place = 0; place < kOwn; ++place) {
        shared.row[warp][lane * kOwn + place] = row.weights[place];
    }
    __syncwarp();
    const int own = static_cast<int>(lane);
    const bool is_in = own < width;
    const bool gone = is_in && is_gone(work, number, first + own);
    float score = 0;
    if (is_in) {
        const int col = first + own;
        score = gone ? -1.0F : score_of(shared.row[warp][col], shared.factor[col][col]);
        shared.scores[warp][own] = score;
    }
    __syncwarp();
    int before = 0;
    for (int other = 0; is_in && other < width; ++other) {
        const float there = shared.scores[warp][other];
        before += (other < own ? there <= score : there < score) ? 1 : 0;
    }
    const int removed = width * work.removed / work.group;
    const unsigned goes = __ballot_sync(kAllLanes, is_in && (gone || before < removed));
    __syncwarp();
    return goes;
}

__device__ void sweep_by_groups(const PanelSweep& work, std::int64_t number, Row& row,
                                Shared& shared, unsigned lane) {
    const int cols = static_cast<int>(work.cols);
    for (int first = 0; first < cols; first += work.group) {
        const int width = min(work.group, cols - first);
        const unsigned goes = removed_of_group(work, number, row, shared, first, width);
        for (int i = 0; i < width; ++i) {
            if (goes >> i & 1U) {
                remove(row, shared, first + i, lane);
            }
        }
    }
}

/// Rows for each warp in turn.
__global__ void __launch_bounds__(kWarps * 32) sweep_rows(PanelSweep work) {
    extern __shared__ float4 memory[];  // of its alignment
    Shared& shared = *reinterpret_cast<Shared*>(memory);
    for (int i = static_cast<int>(threadIdx.x); i < kWidest * kWidest; i += kWarps * 32) {
        const int row = i / kWidest;
        const int col = i % kWidest;
        const bool counts = row <= col && col < work.cols;
        shared.factor[row][col] = counts ? work.factor[row * work.factor_stride + col] : 0.0F;
    }
    __syncthreads();
    const unsigned lane = threadIdx.x % 32;
    const std::int64_t warps = std::int64_t{gridDim.x} * kWarps;
    for (std::int64_t number = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
         number < work.rows; number += warps) {
        float* const weights = work.weights + number * work.stride;
        float* const errors = work.errors + number * work.error_stride;
        const std::int64_t begin = lane * kOwn;
        Row row{};
#pragma unroll
        for (int place = 0; place < kOwn; ++place) {
            row.weights[place] = begin + place < work.cols ? weights[begin + place] : 0.0F;
        }
        work.group > 0 ? sweep_by_groups(work, number, row, shared, lane)
                       : sweep_by_threshold(work, number, row, shared, lane);
#pragma unroll
        for (int place = 0; place < kOwn; ++place) {
            if (begin + place < work.cols) {
                weights[begin + place] = row.weights[place];
                errors[begin + place] = row.errors[place];
            }
        }
    }
}

unsigned groups_that_run(std::int64_t most) {
    int card = 0;
    int processors = 0;
    check_cuda(cudaGetDevice(&card), "cudaGetDevice");
    check_cuda(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, card),
               "cudaDeviceGetAttribute");
    return static_cast<unsigned>(std::clamp<std::int64_t>(most, 1, 3LL * processors));
}

}  // namespace

void score(cudaStream_t stream, const PanelScores& work) {
    run_over(stream, work.rows * work.cols, "score", [work] __device__(std::int64_t i) {
        const std::int64_t row = i / work.cols;
        const std::int64_t col = i % work.cols;
        const bool is_gone = work.gone != nullptr && work.gone[row * work.gone_stride + col] != 0;
        work.scores[i] = is_gone ? 0.0F
                                 : score_of(work.weights[row * work.stride + col],
                                            work.factor[col * (work.factor_stride + 1)]);
    });
}

void count_magnitudes(cudaStream_t stream, const MagnitudeCount& work) {
    const std::size_t bytes = sizeof(std::uint32_t) << work.bits;
    check_cuda(cudaMemsetAsync(work.counts, 0, bytes, stream), "cudaMemsetAsync");
    if (work.count > 0) {
        constexpr std::int64_t kOfAGroup = 4096;  // values, at least
        count_in_groups<<<groups_that_run((work.count + kOfAGroup - 1) / kOfAGroup), 512, bytes,
                          stream>>>(work);
        check_cuda(cudaGetLastError(), "count_in_groups");
    }
}

void sweep(cudaStream_t stream, const PanelSweep& work) {
    if (work.rows == 0 || work.cols == 0) {
        return;
    }
    constexpr int kBytes = sizeof(Shared);
    check_cuda(
        cudaFuncSetAttribute(sweep_rows, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes),
        "cudaFuncSetAttribute");
    sweep_rows<<<groups_that_run((work.rows + kWarps - 1) / kWarps), kWarps * 32, kBytes, stream>>>(
        work);
    check_cuda(cudaGetLastError(), "sweep_rows");
}

}  // namespace alphaprune::linalg
