#include "cuda/dropping.cuh"

#include <algorithm>
#include <type_traits>

#include "cuda/forward_kernels.hpp"
#include "cuda/launch.cuh"

namespace alphaprune::transformer::card {

using namespace device;  // launches
namespace {

using support::ScalarType;

using Overflows = unsigned long long;  ///< as atomicAdd takes it

template <ScalarType Type>
using StoredAs = std::conditional_t<Type == ScalarType::float32, float, std::uint16_t>;

/// The bits of the score without its sign, which is positive: they order as scores do.
template <ScalarType Type>
__device__ std::uint32_t key_of(StoredAs<Type> stored, float scale) {
    float weight = 0;
    if constexpr (Type == ScalarType::float32) {
        weight = stored;
    } else {
        weight = kernels::widened(Type, stored);
    }
    return linalg::kernels::bits_of_float(fabsf(weight) * scale) << 1U;
}

constexpr std::uint32_t kInfiniteKey = 0xFF000000U;  ///< those of NaN are larger
constexpr std::uint32_t kNoKey = 0xFFFFFFFFU;        ///< of no score, after all of them

/// Some of the rows for each group of threads.
template <ScalarType Type>
__global__ void count_overflows(Dropping work, Overflows* overflows) {
    Overflows mine = 0;
    for (std::int64_t row = blockIdx.x; row < work.rows; row += gridDim.x) {
        const auto* const weights =
            static_cast<const StoredAs<Type>*>(work.weights) + row * work.cols;
        for (std::int64_t col = threadIdx.x; col < work.cols; col += blockDim.x) {
            mine += key_of<Type>(weights[col], work.scales[col]) >= kInfiniteKey ? 1 : 0;
        }
    }
    mine = over_group(mine, Sum{});
    if (threadIdx.x == 0 && mine > 0) {
        atomicAdd(overflows, mine);
    }
}

/// The keys of a row: put down in shared memory, or computed each time.
template <ScalarType Type, bool InShared>
struct RowKeys {
    const StoredAs<Type>* weights;
    const float* scales;
    const std::uint32_t* shared;

    __device__ std::uint32_t operator[](std::int64_t col) const {
        if constexpr (InShared) {
            return shared[col];
        } else {
            return key_of<Type>(weights[col], scales[col]);
        }
    }
};

constexpr int kDigits = 256;

/// What is known of the greatest key that is dropped.
struct Boundary {
    std::uint32_t key;     ///< its upper digits; the others are 0
    std::uint32_t wanted;  ///< so many of the keys with these digits are dropped
    std::uint32_t equals;  ///< there are so many of them
};

/// The next digit, by one warp. @param counts  of the keys with the digits that are known, those
/// with each next digit; at least `wanted` of them in all
__device__ void find_digit(const std::uint32_t* counts, Boundary known, int shift,
                           Boundary* found) {
    constexpr int kEach = kDigits / 32;
    const int lane = static_cast<int>(threadIdx.x);
    std::uint32_t mine = 0;
    for (int i = 0; i < kEach; ++i) {
        mine += counts[lane * kEach + i];
    }
    std::uint32_t up_to_mine = mine;
    for (int distance = 1; distance < 32; distance *= 2) {
        const std::uint32_t other = __shfl_up_sync(0xFFFFFFFFU, up_to_mine, distance);
        up_to_mine += lane >= distance ? other : 0;
    }
    const std::uint32_t before = up_to_mine - mine;
    if (before < known.wanted && known.wanted <= up_to_mine) {  // on one lane
        std::uint32_t wanted = known.wanted - before;
        int digit = lane * kEach;
        while (counts[digit] < wanted) {
            wanted -= counts[digit];
            ++digit;
        }
        *found = {known.key | static_cast<std::uint32_t>(digit) << shift, wanted, counts[digit]};
    }
}

/// By radix, the upper digits first. Gives the same to all threads of the group. Where all of the
/// equals are dropped, so is all that is not greater than the key.
template <class Keys>
__device__ Boundary find_boundary(const Keys& keys, std::int64_t cols, std::int64_t dropped) {
    __shared__ std::uint32_t counts[kDigits];
    __shared__ Boundary found;
    Boundary boundary{0, static_cast<std::uint32_t>(dropped), static_cast<std::uint32_t>(cols)};
    std::uint32_t known = 0;  // the bits of digits that are
    for (int shift = 24; shift >= 0; shift -= 8) {
        for (unsigned digit = threadIdx.x; digit < kDigits; digit += blockDim.x) {
            counts[digit] = 0;
        }
        __syncthreads();
        for (std::int64_t col = threadIdx.x; col < cols; col += blockDim.x) {
            const std::uint32_t key = keys[col];
            if ((key & known) == boundary.key) {
                atomicAdd(&counts[key >> shift & 0xFFU], 1U);
            }
        }
        __syncthreads();
        if (threadIdx.x < 32) {
            find_digit(counts, boundary, shift, &found);
        }
        __syncthreads();
        boundary = found;
        known |= 0xFFU << shift;
        if (boundary.wanted == boundary.equals) {
            boundary.key |= ~known;
            break;
        }
    }
    return boundary;
}

/// A row for each group of threads, of which each warp takes consecutive columns in the end.
/// Dynamic shared memory: 4·cols bytes if keys are to be there. @pre 0 < dropped <= cols
template <ScalarType Type, bool InShared>
__global__ void __launch_bounds__(1024)
    drop_in_rows(Dropping work, const Overflows* __restrict__ overflows) {
    if (*overflows > 0) {
        return;
    }
    extern __shared__ std::uint32_t shared_keys[];
    __shared__ std::uint32_t equals_of_warps[32];
    auto* const weights =
        static_cast<StoredAs<Type>*>(work.weights) + std::int64_t{blockIdx.x} * work.cols;
    if constexpr (InShared) {
        for (std::int64_t col = threadIdx.x; col < work.cols; col += blockDim.x) {
            shared_keys[col] = key_of<Type>(weights[col], work.scales[col]);
        }
    }
    const RowKeys<Type, InShared> keys{weights, work.scales, shared_keys};
    const Boundary boundary = find_boundary(keys, work.cols, work.dropped);

    const unsigned warp = threadIdx.x / 32;
    const unsigned lane = threadIdx.x % 32;
    const std::int64_t warps = blockDim.x / 32;
    const std::int64_t each = ((work.cols + 31) / 32 + warps - 1) / warps * 32;
    const std::int64_t begin = min(warp * each, work.cols);
    const std::int64_t end = min(begin + each, work.cols);
    const auto key_at = [&](std::int64_t col) { return col < end ? keys[col] : kNoKey; };
    std::uint32_t before = 0;  // equals of lower columns, if they count
    if (boundary.wanted < boundary.equals) {
        std::uint32_t mine = 0;
        for (std::int64_t col = begin + lane; col < end; col += 32) {
            mine += keys[col] == boundary.key ? 1 : 0;
        }
        mine = __reduce_add_sync(0xFFFFFFFFU, mine);
        if (lane == 0) {
            equals_of_warps[warp] = mine;
        }
        __syncthreads();
        for (unsigned other = 0; other < warp; ++other) {
            before += equals_of_warps[other];
        }
    }
    // Nobody reads weights of other warps any more.
    for (std::int64_t first = begin; first < end; first += 32) {
        const std::int64_t col = first + lane;
        const std::uint32_t key = key_at(col);
        const bool is_equal = key == boundary.key;
        const std::uint32_t equals = __ballot_sync(0xFFFFFFFFU, is_equal);
        const std::uint32_t index = before + __popc(equals & ((1U << lane) - 1U));
        if (key < boundary.key || (is_equal && index < boundary.wanted)) {
            weights[col] = 0;
        }
        before += __popc(equals);
    }
}

/// A group of weights, at most `Most`, for each thread at a time.
template <ScalarType Type, int Most>
__global__ void drop_in_groups(Dropping work, std::int64_t groups,
                               const Overflows* __restrict__ overflows) {
    if (*overflows > 0) {
        return;
    }
    const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
         i < work.rows * groups; i += step) {
        const auto [row, place] = kernels::place_of(i, groups);
        const std::int64_t first = place * work.group;
        const auto width =
            static_cast<int>(min(static_cast<std::int64_t>(work.group), work.cols - first));
        const int removed = width * work.removed / work.group;
        auto* const weights = static_cast<StoredAs<Type>*>(work.weights) + row * work.cols + first;
        std::uint32_t keys[Most];
        int ranks[Most];
#pragma unroll
        for (int j = 0; j < Most; ++j) {
            keys[j] = j < width ? key_of<Type>(weights[j], work.scales[first + j]) : kNoKey;
            ranks[j] = 0;
        }
#pragma unroll
        for (int j = 1; j < Most; ++j) {
#pragma unroll
            for (int k = 0; k < j; ++k) {
                const int is_before = keys[j] < keys[k] ? 1 : 0;
                ranks[k] += is_before;
                ranks[j] += 1 - is_before;
            }
        }
#pragma unroll
        for (int j = 0; j < Most; ++j) {
            if (j < width && ranks[j] < removed) {
                weights[j] = 0;
            }
        }
    }
}

/// Whether a group of threads can have that much dynamic shared memory, which it then may have.
template <class Kernel>
bool make_room(Kernel* kernel, std::int64_t bytes) {
    int card = 0;
    int room = 0;
    cudaFuncAttributes attributes{};
    check_cuda(cudaGetDevice(&card), "cudaGetDevice");
    check_cuda(cudaDeviceGetAttribute(&room, cudaDevAttrMaxSharedMemoryPerBlockOptin, card),
               "cudaDeviceGetAttribute");
    check_cuda(cudaFuncGetAttributes(&attributes, kernel), "cudaFuncGetAttributes");
    if (bytes + static_cast<std::int64_t>(attributes.sharedSizeBytes) > room) {
        return false;
    }
    check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(bytes)),
               "cudaFuncSetAttribute");
    return true;
}

unsigned threads_for_row(std::int64_t cols) {
    return static_cast<unsigned>(std::clamp<std::int64_t>((cols / 16 + 31) / 32 * 32, 32, 1024));
}

template <ScalarType Type>
void drop_from_rows(cudaStream_t stream, const Dropping& work, const Overflows* overflows) {
    const auto rows = static_cast<unsigned>(work.rows);
    const unsigned threads = threads_for_row(work.cols);
    const std::int64_t bytes = work.cols * static_cast<std::int64_t>(sizeof(std::uint32_t));
    if (make_room(drop_in_rows<Type, true>, bytes)) {
        drop_in_rows<Type, true>
            <<<rows, threads, static_cast<std::size_t>(bytes), stream>>>(work, overflows);
    } else {
        drop_in_rows<Type, false><<<rows, threads, 0, stream>>>(work, overflows);
    }
    check_cuda(cudaGetLastError(), "drop_in_rows");
}

template <ScalarType Type>
void drop_from_groups(cudaStream_t stream, const Dropping& work, const Overflows* overflows) {
    const std::int64_t groups = (work.cols + work.group - 1) / work.group;
    const unsigned blocks = groups_for(work.rows * groups);
    if (work.group <= 4) {
        drop_in_groups<Type, 4><<<blocks, kThreads, 0, stream>>>(work, groups, overflows);
    } else if (work.group <= 8) {
        drop_in_groups<Type, 8><<<blocks, kThreads, 0, stream>>>(work, groups, overflows);
    } else {
        drop_in_groups<Type, 16><<<blocks, kThreads, 0, stream>>>(work, groups, overflows);
    }
    check_cuda(cudaGetLastError(), "drop_in_groups");
}

template <ScalarType Type>
void drop_from(cudaStream_t stream, const Dropping& work, Overflows* overflows) {
    constexpr std::int64_t kMostGroups = 4096;
    const auto groups = static_cast<unsigned>(std::min(work.rows, kMostGroups));
    count_overflows<Type><<<groups, threads_for_row(work.cols), 0, stream>>>(work, overflows);
    check_cuda(cudaGetLastError(), "count_overflows");
    if (work.group > 0) {
        drop_from_groups<Type>(stream, work, overflows);
    } else if (work.dropped > 0) {
        drop_from_rows<Type>(stream, work, overflows);
    }
}

}  // namespace

std::int64_t drop_lowest(cudaStream_t stream, const Dropping& work, device::DeviceMemory& scratch) {
    if (work.rows == 0 || work.cols == 0) {
        return 0;
    }
    // Counted and seen on the card, so that nothing waits between the two.
    auto* const overflows = scratch.require<Overflows>(1);
    check_cuda(cudaMemsetAsync(overflows, 0, sizeof(Overflows), stream), "cudaMemsetAsync");
    switch (work.type) {
        case ScalarType::bfloat16:
            drop_from<ScalarType::bfloat16>(stream, work, overflows);
            break;
        case ScalarType::float16:
            drop_from<ScalarType::float16>(stream, work, overflows);
            break;
        default:
            drop_from<ScalarType::float32>(stream, work, overflows);
    }
    Overflows found = 0;
    check_cuda(cudaMemcpyAsync(&found, overflows, sizeof(found), cudaMemcpyDeviceToHost, stream),
               "cudaMemcpyAsync");
    check_cuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
    return static_cast<std::int64_t>(found);
}

}  // namespace alphaprune::transformer::card
