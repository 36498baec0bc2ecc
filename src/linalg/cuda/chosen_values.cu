#include "cuda/chosen_values.cuh"

#include <algorithm>

#include "cuda/launch.cuh"
#include "cuda/spectrum_kernels.hpp"

namespace alphaprune::linalg {

using namespace device;  // launches

namespace {

using Counter = unsigned long long;  ///< as atomicAdd takes it

constexpr int kMostInGroup = 16;

__global__ void compare_support(SupportLook work, Counter* changed) {
    Counter mine = 0;
    const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < work.count;
         i += step) {
        const std::uint8_t now = work.values[i] != 0 && work.stays[i] != 0 ? 1 : 0;
        mine += now != work.support[i] ? 1 : 0;
        work.support[i] = now;
    }
    mine = over_group(mine, Sum{});
    if (threadIdx.x == 0 && mine > 0) {
        atomicAdd(changed, mine);
    }
}

/// Its order is that of what counts of a value.
__device__ std::uint32_t key_at(const LargerChoice& work, std::int64_t i) {
    return work.gone != nullptr && work.gone[i] != 0
               ? 0
               : kernels::bits_of_float(fabsf(work.values[i]));
}

// Each group of threads takes `each` consecutive values.

__global__ void count_equals(LargerChoice work, std::int64_t each, std::int64_t* counts) {
    const std::int64_t begin = std::int64_t{blockIdx.x} * each;
    const std::int64_t end = min(begin + each, work.count);
    std::int64_t mine = 0;
    for (std::int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
        mine += key_at(work, i) == work.bound ? 1 : 0;
    }
    mine = over_group(mine, Sum{});
    if (threadIdx.x == 0) {
        counts[blockIdx.x] = mine;
    }
}

constexpr int kMostCounts = 1024;

/// By one group of threads: each count becomes the sum of those before it. @pre at most one for
/// each thread
__global__ void sum_before(std::int64_t* counts, int count) {
    __shared__ std::int64_t sums[kMostCounts];
    const int own = static_cast<int>(threadIdx.x);
    const std::int64_t mine = own < count ? counts[own] : 0;
    sums[own] = mine;
    __syncthreads();
    for (int distance = 1; distance < kMostCounts; distance *= 2) {
        const std::int64_t other = own >= distance ? sums[own - distance] : 0;
        __syncthreads();
        sums[own] += other;
        __syncthreads();
    }
    if (own < count) {
        counts[own] = sums[own] - mine;
    }
}

__global__ void choose_with_equals(LargerChoice work, std::int64_t each,
                                   const std::int64_t* before_groups) {
    __shared__ std::uint32_t of_warps[kThreads / 32];
    const std::int64_t begin = std::int64_t{blockIdx.x} * each;
    const std::int64_t end = min(begin + each, work.count);
    const unsigned warp = threadIdx.x / 32;
    const unsigned lane = threadIdx.x % 32;
    std::int64_t before = before_groups[blockIdx.x];
    for (std::int64_t first = begin; first < end; first += kThreads) {
        const std::int64_t i = first + threadIdx.x;
        const std::uint32_t key = i < end ? key_at(work, i) : 0;
        const bool is_equal = i < end && key == work.bound;
        const std::uint32_t equals = __ballot_sync(0xFFFFFFFFU, is_equal);
        if (lane == 0) {
            of_warps[warp] = __popc(equals);
        }
        const int all = __syncthreads_count(is_equal ? 1 : 0);
        std::int64_t index = before + __popc(equals & ((1U << lane) - 1U));
        for (unsigned other = 0; all > 0 && other < warp; ++other) {
            index += of_warps[other];
        }
        if (i < end) {
            const bool is_gone = work.gone != nullptr && work.gone[i] != 0;
            const bool stays = is_equal ? index >= work.equals_to_go : key > work.bound;
            work.stays[i] = stays && !is_gone ? 1 : 0;
        }
        before += all;
        __syncthreads();  // before the counts are written again
    }
}

/// To all threads of the group.
__device__ double dot(const float* one, const float* other, std::int64_t count) {
    double mine = 0;
    for (std::int64_t i = threadIdx.x; i < count; i += blockDim.x) {
        mine += static_cast<double>(one[i]) * static_cast<double>(other[i]);
    }
    return over_group(mine, Sum{});
}

// A row for each group of threads.

__global__ void begin_rows(RefinedRows all, const float* right) {
    const std::int64_t at = std::int64_t{blockIdx.x} * all.cols;
    double mine = 0;
    for (std::int64_t i = at + threadIdx.x; i < at + all.cols; i += blockDim.x) {
        const bool counts = all.values[i] != 0;
        const float residual = counts ? right[i] - all.product[i] : 0.0F;
        all.support[i] = counts ? 1 : 0;
        all.residual[i] = residual;
        all.direction[i] = residual;
        mine += static_cast<double>(residual) * static_cast<double>(residual);
    }
    const double square = over_group(mine, Sum{});
    if (threadIdx.x == 0) {
        all.squares[blockIdx.x] = square;
    }
}

__global__ void refine_rows(RefinedRows all) {
    const std::int64_t at = std::int64_t{blockIdx.x} * all.cols;
    const double before = all.squares[blockIdx.x];
    const double curvature = dot(all.direction + at, all.product + at, all.cols);
    if (!(before > 0) || !(curvature > 0)) {
        return;  // all threads alike
    }
    const auto alpha = static_cast<float>(before / curvature);
    double mine = 0;
    for (std::int64_t i = at + threadIdx.x; i < at + all.cols; i += blockDim.x) {
        all.values[i] += alpha * all.direction[i];
        const float residual =
            all.residual[i] - (all.support[i] != 0 ? alpha : 0.0F) * all.product[i];
        all.residual[i] = residual;
        mine += static_cast<double>(residual) * static_cast<double>(residual);
    }
    const double square = over_group(mine, Sum{});
    const auto beta = static_cast<float>(square / before);
    for (std::int64_t i = at + threadIdx.x; i < at + all.cols; i += blockDim.x) {
        all.direction[i] = all.residual[i] + beta * all.direction[i];
    }
    if (threadIdx.x == 0) {
        all.squares[blockIdx.x] = square;
    }
}

__global__ void multiply_rows(const float* one, const float* other, std::int64_t cols,
                              double* out) {
    const std::int64_t at = std::int64_t{blockIdx.x} * cols;
    const double product = dot(one + at, other + at, cols);
    if (threadIdx.x == 0) {
        out[blockIdx.x] = product;
    }
}

}  // namespace

void choose_larger(cudaStream_t stream, const LargerChoice& work, DeviceMemory& scratch) {
    if (work.count == 0) {
        return;
    }
    if (work.equals_to_go < 0) {
        run_over(stream, work.count, "choose_larger", [work] __device__(std::int64_t i) {
            work.stays[i] = key_at(work, i) > work.bound ? 1 : 0;
        });
        return;
    }
    const auto groups = std::min<std::int64_t>(groups_for(work.count), kMostCounts);
    const std::int64_t each = (work.count + groups - 1) / groups;
    auto* const before = scratch.require<std::int64_t>(static_cast<std::size_t>(groups));
    const auto launched = static_cast<unsigned>(groups);
    count_equals<<<launched, kThreads, 0, stream>>>(work, each, before);
    check_cuda(cudaGetLastError(), "count_equals");
    sum_before<<<1, kMostCounts, 0, stream>>>(before, static_cast<int>(groups));
    check_cuda(cudaGetLastError(), "sum_before");
    choose_with_equals<<<launched, kThreads, 0, stream>>>(work, each, before);
    check_cuda(cudaGetLastError(), "choose_with_equals");
}

void choose_in_groups(cudaStream_t stream, const GroupChoice& work) {
    if (work.rows == 0 || work.cols == 0) {
        return;
    }
    const std::int64_t groups = (work.cols + work.group - 1) / work.group;
    run_over(stream, work.rows * groups, "choose_in_groups",
             [work, groups] __device__(std::int64_t item) {
                 const std::int64_t first = item % groups * work.group;
                 const std::int64_t at = item / groups * work.cols + first;
                 const std::int64_t left = work.cols - first;
                 const int width = left < work.group ? static_cast<int>(left) : work.group;
                 const int removed = width * work.removed / work.group;
                 float sizes[kMostInGroup];
                 for (int i = 0; i < width; ++i) {
                     const bool is_gone = work.gone != nullptr && work.gone[at + i] != 0;
                     sizes[i] = is_gone ? -1.0F : fabsf(work.values[at + i]);
                 }
                 for (int i = 0; i < width; ++i) {
                     int before = 0;
                     for (int other = 0; other < width; ++other) {
                         before += (other < i ? sizes[other] <= sizes[i] : sizes[other] < sizes[i])
                                       ? 1
                                       : 0;
                     }
                     work.stays[at + i] = before < removed || sizes[i] < 0 ? 0 : 1;
                 }
             });
}

void add_chosen(cudaStream_t stream, const ChosenSum& work) {
    run_over(stream, work.count, "add_chosen", [work] __device__(std::int64_t i) {
        const float base = work.base != nullptr ? work.base[i] : 0.0F;
        const float factor = work.stays[i] != 0 ? work.if_stays : work.if_goes;
        work.out[i] = factor != 0 ? base + factor * work.values[i] : base;
    });
}

std::int64_t look_at_support(cudaStream_t stream, const SupportLook& work,
                             device::DeviceMemory& scratch) {
    auto* const changed = scratch.require<Counter>(1);
    check_cuda(cudaMemsetAsync(changed, 0, sizeof(Counter), stream), "cudaMemsetAsync");
    if (work.count > 0) {
        compare_support<<<groups_for(work.count), kThreads, 0, stream>>>(work, changed);
        check_cuda(cudaGetLastError(), "compare_support");
    }
    Counter found = 0;
    check_cuda(cudaMemcpyAsync(&found, changed, sizeof(found), cudaMemcpyDeviceToHost, stream),
               "cudaMemcpyAsync");
    check_cuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    return static_cast<std::int64_t>(found);
}

void begin_refining(cudaStream_t stream, const RefinedRows& rows, const float* right) {
    if (rows.rows > 0) {
        begin_rows<<<static_cast<unsigned>(rows.rows), kThreads, 0, stream>>>(rows, right);
        check_cuda(cudaGetLastError(), "begin_rows");
    }
}

void refine(cudaStream_t stream, const RefinedRows& rows) {
    if (rows.rows > 0) {
        refine_rows<<<static_cast<unsigned>(rows.rows), kThreads, 0, stream>>>(rows);
        check_cuda(cudaGetLastError(), "refine_rows");
    }
}

void row_products(cudaStream_t stream, const float* one, const float* other, std::int64_t rows,
                  std::int64_t cols, double* out) {
    if (rows > 0) {
        multiply_rows<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(one, other, cols, out);
        check_cuda(cudaGetLastError(), "multiply_rows");
    }
}

}  // namespace alphaprune::linalg
