#include "cuda/bulge_chase.cuh"

#include <algorithm>

#include "cuda/panel_math.hpp"

namespace alphaprune::linalg {
namespace {

using device::check_cuda;
using kernels::kBandColumn;
using kernels::kPanel;
using kernels::Reflector;

constexpr int kChaseStride = kBandColumn - 1;  ///< from (i, j) to (i, j + 1)
constexpr unsigned kAll = ~0U;
constexpr int kDone = 1 << 30;  ///< progress of a sweep that has ended

/// What a warp works in: lane i has row i.
struct ChaseBlock {
    double values[kPanel][kPanel + 1];
    double v[kPanel];
    double w[kPanel];
};

__device__ double sum_of_warp(double mine) {
    for (int step = 16; step > 0; step /= 2) {
        mine += __shfl_xor_sync(kAll, mine, step);
    }
    return mine;
}

/// H x = beta e_0. @returns this lane's value of v, whose first is 1
__device__ double reflect(double x, int lane, Reflector& reflector) {
    const double tail = sum_of_warp(lane > 0 ? x * x : 0);
    reflector = two_stage::reflector_of(__shfl_sync(kAll, x, 0), tail);
    return lane == 0 ? 1 : x * reflector.scale;
}

/// D := H D H for a block on the diagonal, of which the lower triangle is stored. What other warps
/// wrote lies in the second cache, past the first.
__device__ void apply_from_both_sides(double* block, ChaseBlock& at, double v, double tau,
                                      int lane) {
    for (int c = 0; c < kPanel; ++c) {
        if (c <= lane) {
            const double value = __ldcg(block + c * kChaseStride + lane);
            at.values[lane][c] = value;
            at.values[c][lane] = value;
        }
    }
    at.v[lane] = v;
    __syncwarp();
    double y = 0;
    for (int c = 0; c < kPanel; ++c) {
        y += at.values[lane][c] * at.v[c];
    }
    // D − v wᵀ − w vᵀ with w = tau·y − ½·tau²·(yᵀv)·v
    const double w = tau * y - tau * tau * sum_of_warp(y * v) / 2 * v;
    at.w[lane] = w;
    __syncwarp();
    for (int c = 0; c < kPanel; ++c) {
        if (c <= lane) {
            __stcg(block + c * kChaseStride + lane, at.values[lane][c] - v * at.w[c] - w * at.v[c]);
        }
    }
    __syncwarp();
}

/// The block below a diagonal block: the sweep's reflector from the right fills it, a new one from
/// the left empties its first column again. @returns this lane's value of the new v
__device__ double pass_on(double* block, ChaseBlock& at, double v, Reflector& reflector, int lane) {
    for (int c = 0; c < kPanel; ++c) {
        at.values[lane][c] = __ldcg(block + c * kChaseStride + lane);
    }
    at.v[lane] = v;
    __syncwarp();
    double u = 0;
    for (int c = 0; c < kPanel; ++c) {
        u += at.values[lane][c] * at.v[c];
    }
    u *= reflector.tau;
    Reflector next;
    const double next_v = reflect(at.values[lane][0] - u, lane, next);
    for (int c = 0; c < kPanel; ++c) {
        at.values[lane][c] -= u * at.v[c];
    }
    at.w[lane] = next_v;
    __syncwarp();
    double product = 0;  // of column `lane` with the new v
    for (int r = 0; r < kPanel; ++r) {
        product += at.values[r][lane] * at.w[r];
    }
    __syncwarp();
    at.v[lane] = next.tau * product;
    __syncwarp();
    __stcg(block + lane, lane == 0 ? next.beta : 0.0);
    for (int c = 1; c < kPanel; ++c) {
        __stcg(block + c * kChaseStride + lane, at.values[lane][c] - next_v * at.v[c]);
    }
    __syncwarp();
    reflector = next;
    return next_v;
}

/// Sweeps in order, by whichever warp is free; each waits until the one before is two steps ahead.
/// @param progress  steps done of each sweep, zero at first
/// @param ticket    of the next sweep, zero at first
__global__ void __launch_bounds__(kPanel)
    chase_bulges(double* band, std::int64_t order, volatile int* progress, int* ticket) {
    __shared__ ChaseBlock at;
    const int lane = static_cast<int>(threadIdx.x);
    for (;;) {
        const int sweep = __shfl_sync(kAll, lane == 0 ? atomicAdd(ticket, 1) : 0, 0);
        if (sweep >= order - 2) {
            return;
        }
        Reflector reflector{};
        double v = 0;
        for (int step = 0;; ++step) {
            const std::int64_t row = sweep + 1 + std::int64_t{step} * kPanel;
            if (row >= order - (step == 0 ? 1 : 0)) {
                break;
            }
            if (sweep > 0) {
                if (lane == 0) {
                    while (progress[sweep - 1] < step + 2) {
                    }
                    __threadfence();
                }
                __syncwarp();
            }
            if (step == 0) {
                double* const x = band + std::int64_t{sweep} * kBandColumn + 1;
                v = reflect(__ldcg(x + lane), lane, reflector);
                __stcg(x + lane, lane == 0 ? reflector.beta : 0.0);
            } else {
                v = pass_on(band + (row - kPanel) * kBandColumn + kPanel, at, v, reflector, lane);
            }
            apply_from_both_sides(band + row * kBandColumn, at, v, reflector.tau, lane);
            __threadfence();
            __syncwarp();
            if (lane == 0) {
                progress[sweep] = step + 1;
            }
        }
        if (lane == 0) {
            progress[sweep] = kDone;
        }
    }
}

}  // namespace

void BulgeChase::run(double* band, std::int64_t order) {
    if (order < 3) {
        return;
    }
    // As many sweeps as can be on their way at the same time.
    const auto most = static_cast<unsigned>(order / (2 * kPanel) + 1);
    auto* const progress = progress_.require<int>(static_cast<std::size_t>(order) + 1);
    check_cuda(
        cudaMemsetAsync(progress, 0, static_cast<std::size_t>(order + 1) * sizeof(int), stream_),
        "cudaMemset");
    chase_bulges<<<most, kPanel, 0, stream_>>>(band, order, progress + 1, progress);
    check_cuda(cudaGetLastError(), "chase_bulges");
}

}  // namespace alphaprune::linalg
