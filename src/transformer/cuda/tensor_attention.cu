#include "cuda/tensor_attention.cuh"

#include <algorithm>

#include "cuda/attention_tile.cuh"
#include "cuda/launch.cuh"

namespace alphaprune::transformer::card {

using namespace device;  // launches
namespace {

/// Row-major heads of some tokens into parts of bfloat16, heads × parts × padded tokens × padded
/// size, zeros where there is nothing.
struct HeadSplit {
    const float* from = nullptr;
    std::int64_t tokens = 0;
    std::int64_t heads = 0;
    std::int64_t size = 0;
    __nv_bfloat16* to = nullptr;
    std::int64_t padded_tokens = 0;
    std::int64_t padded_size = 0;
};

/// Eight values of a head for each thread.
template <int Parts>
__global__ void split_heads(HeadSplit work) {
    const std::int64_t pieces = work.padded_size / 8;
    const std::int64_t count = work.heads * work.padded_tokens * pieces;
    const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
         i += step) {
        // Heads of a token one after another, as they are read.
        const std::int64_t col = i % pieces * 8;
        const std::int64_t head = i / pieces % work.heads;
        const std::int64_t token = i / pieces / work.heads;
        float values[8];
#pragma unroll
        for (int j = 0; j < 8; ++j) {
            values[j] = token < work.tokens && col + j < work.size
                            ? work.from[(token * work.heads + head) * work.size + col + j]
                            : 0.0F;
        }
#pragma unroll
        for (int part = 0; part < Parts; ++part) {
            uint4 rounded;
            rounded.x = take_rounded(values[0], values[1]);
            rounded.y = take_rounded(values[2], values[3]);
            rounded.z = take_rounded(values[4], values[5]);
            rounded.w = take_rounded(values[6], values[7]);
            const std::int64_t row = (head * Parts + part) * work.padded_tokens + token;
            *reinterpret_cast<uint4*>(work.to + row * work.padded_size + col) = rounded;
        }
    }
}

/// A tile of queries of a head for each group of threads.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kGroups)
    attend_queries(SplitAttention split) {
    extern __shared__ uint4 tile_memory[];
    const Attention& work = split.work;
    auto* const keys = reinterpret_cast<__nv_bfloat16*>(tile_memory);
    __nv_bfloat16* const values = keys + Tile::kParts * Tile::kKeyPart;
    __nv_bfloat16* const queries = values + Tile::kParts * Tile::kValuePart;
    const std::int64_t head = blockIdx.x;
    const std::int64_t shared_head = head / (work.heads / work.key_value_heads);
    // Later queries see more keys: they begin, of all heads.
    const int first_query = static_cast<int>(gridDim.y - 1 - blockIdx.y) * Tile::kQueries;
    const int tokens = static_cast<int>(work.tokens);
    const int window = work.window < work.tokens ? static_cast<int>(work.window) : 0;
    const int end_key = min(first_query + Tile::kQueries, tokens);
    const int first_key =
        window > 0 ? max(0, first_query + 1 - window) / Tile::kKeys * Tile::kKeys : 0;
    const int lane = static_cast<int>(threadIdx.x % 32);
    constexpr int kWarpQueries = 16 * Tile::kStrips;
    const int in_tile = static_cast<int>(threadIdx.x / 32) * kWarpQueries;
    const int warp_query = first_query + in_tile;
    const int my_query = warp_query + lane / 4;
    const float* const biases = work.biases != nullptr ? work.biases + head * work.tokens : nullptr;

    const std::int64_t query_part = split.padded_tokens * Tile::kSize;
    const std::int64_t value_part = split.padded_tokens * Tile::kValueSize;
    const __nv_bfloat16* const all_queries = split.query + head * Tile::kParts * query_part;
    const __nv_bfloat16* const all_keys = split.key + shared_head * Tile::kParts * query_part;
    const __nv_bfloat16* const all_values = split.value + shared_head * Tile::kParts * value_part;
    QueryOperands<Tile> query;
    if constexpr (Tile::kQueryInRegisters) {
        query.load(all_queries + std::int64_t{warp_query} * Tile::kSize, query_part);
    } else {
        begin_rows<Tile, Tile::kQueries, Tile::kSize>(
            queries, all_queries + std::int64_t{first_query} * Tile::kSize, query_part);
        query.in_shared = queries + (in_tile + lane % 16) * Tile::kRow + lane / 16 * 8;
    }
    const auto begin_keys = [&](int key) {
        begin_rows<Tile, Tile::kKeys, Tile::kSize>(keys, all_keys + std::int64_t{key} * Tile::kSize,
                                                   query_part);
    };
    begin_keys(first_key);
    RunningTile<Tile> running;
    running.clear();
    for (int key = first_key; key < end_key; key += Tile::kKeys) {
        finish_copies();
        __syncthreads();  // the keys are there, and nobody needs the last values
        begin_rows<Tile, Tile::kKeys, Tile::kValueSize>(
            values, all_values + std::int64_t{key} * Tile::kValueSize, value_part);
        const bool sees_any = key < warp_query + kWarpQueries && warp_query < tokens &&
                              (window == 0 || key + Tile::kKeys - 1 > warp_query - window);
        if (sees_any) {
            running.score(query, keys);
        }
        finish_copies();
        __syncthreads();  // the values are there, and nobody needs these keys
        if (key + Tile::kKeys < end_key) {
            begin_keys(key + Tile::kKeys);
        }
        if (sees_any) {
            const int my_key = key + lane % 4 * 2;
            running.finish_scores(work, biases, my_key, my_query);
            if (key + Tile::kKeys - 1 > warp_query ||
                (window > 0 && key <= warp_query + kWarpQueries - 1 - window)) {
                running.mask(window, my_key, my_query);
            }
            running.weigh();
            running.add_values(values);
        }
    }
    running.store(work, head, my_query, work.sinks != nullptr ? work.sinks[head] : -INFINITY);
}

/// @returns where the next ones may go
template <int Parts>
__nv_bfloat16* put_parts(cudaStream_t stream, const HeadSplit& work) {
    const std::int64_t count = work.heads * work.padded_tokens * work.padded_size;
    split_heads<Parts><<<groups_for(count / 8), kThreads, 0, stream>>>(work);
    check_cuda(cudaGetLastError(), "split_heads");
    return work.to + Parts * count;
}

template <class Tile>
bool attend_with(cudaStream_t stream, const Attention& work, device::DeviceMemory& scratch) {
    int card = 0;
    int room = 0;
    check_cuda(cudaGetDevice(&card), "cudaGetDevice");
    check_cuda(cudaDeviceGetAttribute(&room, cudaDevAttrMaxSharedMemoryPerBlockOptin, card),
               "cudaDeviceGetAttribute");
    if (Tile::kSharedBytes > static_cast<std::size_t>(room)) {
        return false;
    }
    const std::int64_t padded = (work.tokens + kTokenPadding - 1) / kTokenPadding * kTokenPadding;
    const std::int64_t row =
        work.heads * Tile::kSize + work.key_value_heads * (Tile::kSize + Tile::kValueSize);
    SplitAttention split{work};
    split.padded_tokens = padded;
    constexpr int kParts = Tile::kParts;
    auto* const query =
        scratch.require<__nv_bfloat16>(static_cast<std::size_t>(kParts * padded * row));
    __nv_bfloat16* const key = put_parts<kParts>(
        stream, {work.query, work.tokens, work.heads, work.head_size, query, padded, Tile::kSize});
    __nv_bfloat16* const value = put_parts<kParts>(
        stream,
        {work.key, work.tokens, work.key_value_heads, work.head_size, key, padded, Tile::kSize});
    put_parts<kParts>(stream, {work.value, work.tokens, work.key_value_heads, work.value_size,
                               value, padded, Tile::kValueSize});
    split.query = query;
    split.key = key;
    split.value = value;
    const auto kernel = attend_queries<Tile>;
    check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(Tile::kSharedBytes)),
               "cudaFuncSetAttribute");
    // Else the runtime may leave room for fewer groups than registers allow.
    check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                    cudaSharedmemCarveoutMaxShared),
               "cudaFuncSetAttribute");
    const dim3 groups(static_cast<unsigned>(work.heads),
                      static_cast<unsigned>((work.tokens + Tile::kQueries - 1) / Tile::kQueries));
    kernel<<<groups, Tile::kThreads, Tile::kSharedBytes, stream>>>(split);
    check_cuda(cudaGetLastError(), "attend_queries");
    return true;
}

template <int Parts>
bool attend_of(cudaStream_t stream, const Attention& work, device::DeviceMemory& scratch) {
    const std::int64_t longest = std::max(work.head_size, work.value_size);
    if (longest <= 64) {
        return attend_with<AttentionTile<64, 64, Parts>>(stream, work, scratch);
    }
    if (longest <= 96) {
        return attend_with<AttentionTile<96, 96, Parts>>(stream, work, scratch);
    }
    if (longest <= 128) {
        return attend_with<AttentionTile<128, 128, Parts>>(stream, work, scratch);
    }
    if (longest <= 192 && work.value_size <= 128) {
        return attend_with<AttentionTile<192, 128, Parts>>(stream, work, scratch);
    }
    if (longest <= 256) {
        return attend_with<AttentionTile<256, 256, Parts>>(stream, work, scratch);
    }
    return false;
}

}  // namespace

bool attend_in_parts(cudaStream_t stream, const Attention& work, int parts,
                     device::DeviceMemory& scratch) {
    if (work.tokens == 0 || work.heads == 0) {
        return true;
    }
    switch (parts) {
        case 1:
            return attend_of<1>(stream, work, scratch);
        case 2:
            return attend_of<2>(stream, work, scratch);
        default:
            return attend_of<3>(stream, work, scratch);
    }
}

}  // namespace alphaprune::transformer::card
