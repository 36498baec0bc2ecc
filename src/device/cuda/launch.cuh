#pragma once

#include <algorithm>
#include <cstdint>

#include "cuda/check.cuh"

namespace alphaprune::device {

inline constexpr int kThreads = 256;

/// Of threads; each goes on with what is left of the work.
inline unsigned groups_for(std::int64_t count) {
    constexpr std::int64_t kMostGroups = 4096;
    return static_cast<unsigned>(std::min((count + kThreads - 1) / kThreads, kMostGroups));
}

/// Calls body(i) for each i < count, on one thread each.
template <class Body>
__global__ void for_each_index(std::int64_t count, Body body) {
    const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
         i += step) {
        body(i);
    }
}

template <class Body>
void run_over(cudaStream_t stream, std::int64_t count, const char* name, const Body& body) {
    if (count > 0) {
        for_each_index<<<groups_for(count), kThreads, 0, stream>>>(count, body);
        check_cuda(cudaGetLastError(), name);
    }
}

/// Combines what the threads of a group have, always in the same order, and gives it to all of
/// them. @pre a multiple of 32 threads, at most 1024; all of them call
template <class Value, class Combine>
__device__ Value over_group(Value mine, Combine combine) {
    __shared__ Value of_warps[32];
    for (int distance = 16; distance > 0; distance /= 2) {
        mine = combine(mine, __shfl_xor_sync(0xFFFFFFFFU, mine, distance));
    }
    __syncthreads();  // nobody reads any more what was there before
    if (threadIdx.x % 32 == 0) {
        of_warps[threadIdx.x / 32] = mine;
    }
    __syncthreads();
    Value all = of_warps[0];
    for (unsigned warp = 1; warp < blockDim.x / 32; ++warp) {
        all = combine(all, of_warps[warp]);
    }
    return all;
}

struct Sum {
    template <class Value>
    __device__ Value operator()(Value one, Value other) const {
        return one + other;
    }
};
struct Largest {
    __device__ float operator()(float one, float other) const { return fmaxf(one, other); }
};

}  // namespace alphaprune::device
