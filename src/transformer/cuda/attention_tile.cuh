#pragma once

#include "cuda/forward_kernels.hpp"
#include "cuda/tensor_cores.cuh"

// What a group of threads does with a tile of queries.

namespace alphaprune::transformer::card {

/// Operands as the kernel takes them: shared heads × parts × padded tokens × padded size each.
struct SplitAttention {
    Attention work;
    const __nv_bfloat16* query = nullptr;
    const __nv_bfloat16* key = nullptr;
    const __nv_bfloat16* value = nullptr;
    std::int64_t padded_tokens = 0;  ///< a multiple of kTokenPadding
};

inline constexpr std::int64_t kTokenPadding = 128;

/// @tparam Size, ValueSize  of a head, multiples of 16
template <int Size, int ValueSize, int Parts>
struct AttentionTile {
    static constexpr int kSize = Size;
    static constexpr int kValueSize = ValueSize;
    static constexpr int kParts = Parts;
    static constexpr int kWarps = Size > 128 ? 4 : 8;  ///< of 16 queries each
    static constexpr int kThreads = 32 * kWarps;
    static constexpr int kQueries = 16 * kWarps;
    static constexpr int kKeys = Size > 128 || Parts == 3 ? 32 : 64;
    static constexpr bool kQueryInRegisters = Size * Parts <= 256;
    /// Groups of threads that a processor of the card shall have room for.
    static constexpr int kGroups = Size <= 64 && Parts <= 2 ? 2 : 1;
    /// Rows in shared memory are padded by 16 bytes: eight of them then lie in different banks.
    static constexpr int kRow = Size + 8;
    static constexpr int kValueRow = ValueSize + 8;
    static constexpr int kKeyPart = kKeys * kRow;
    static constexpr int kValuePart = kKeys * kValueRow;
    static constexpr int kQueryPart = kQueryInRegisters ? 0 : kQueries * kRow;
    static constexpr std::size_t kSharedBytes =
        sizeof(__nv_bfloat16) * Parts * (kKeyPart + kValuePart + kQueryPart);
};

/// Begins to copy rows of all parts into shared memory.
template <class Tile, int Rows, int Size>
__device__ void begin_rows(__nv_bfloat16* to, const __nv_bfloat16* from, std::int64_t part_stride) {
    constexpr int kPieces = Size / 8;  // of 16 bytes, in a row
    for (int i = static_cast<int>(threadIdx.x); i < Tile::kParts * Rows * kPieces;
         i += Tile::kThreads) {
        const int piece = i % kPieces;
        const int row = i / kPieces % Rows;
        const int part = i / kPieces / Rows;
        begin_copy(to + (part * Rows + row) * (Size + 8) + piece * 8,
                   from + part * part_stride + row * Size + piece * 8);
    }
}

/// A warp's queries as left operands, for 16 values of the head at a time.
template <class Tile>
struct QueryOperands {
    static constexpr int kSteps = Tile::kQueryInRegisters ? Tile::kSize / 16 : 1;
    Bf16Pair values[kSteps][Tile::kParts][4];
    const __nv_bfloat16* in_shared = nullptr;  ///< this thread's row there

    /// @param from  of the warp's first query and the first part
    __device__ void load(const __nv_bfloat16* from, std::int64_t part_stride) {
        const int lane = static_cast<int>(threadIdx.x % 32);
        const __nv_bfloat16* const begin = from + lane / 4 * Tile::kSize + lane % 4 * 2;
#pragma unroll
        for (int step = 0; step < kSteps; ++step) {
#pragma unroll
            for (int part = 0; part < Tile::kParts; ++part) {
                const __nv_bfloat16* const at = begin + part * part_stride + step * 16;
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    values[step][part][i] = *reinterpret_cast<const Bf16Pair*>(
                        at + i % 2 * 8 * Tile::kSize + i / 2 * 8);
                }
            }
        }
    }

    __device__ const Bf16Pair (&of(int step))[Tile::kParts][4] {
        if constexpr (Tile::kQueryInRegisters) {
            return values[step];
        } else {
#pragma unroll
            for (int part = 0; part < Tile::kParts; ++part) {
                load_matrices(values[0][part], in_shared + part * Tile::kQueryPart + step * 16);
            }
            return values[0];
        }
    }
};

/// Running softmax of a thread's two queries, g and g + 8 of its warp's, and sums of values.
template <class Tile>
struct RunningTile {
    static constexpr float kLog2E = 1.44269504088896341F;

    float scores[Tile::kKeys / 8][4];
    float sums[Tile::kValueSize / 8][4];
    float largest[2];
    float total[2];  ///< of this thread's keys alone

    __device__ void clear() {
#pragma unroll
        for (auto& each : sums) {
            each[0] = each[1] = each[2] = each[3] = 0;
        }
        largest[0] = largest[1] = -INFINITY;
        total[0] = total[1] = 0;
    }

    /// scores ← query·keyᵀ.
    __device__ void score(QueryOperands<Tile>& query, const __nv_bfloat16* keys) {
        const int lane = static_cast<int>(threadIdx.x % 32);
        const __nv_bfloat16* const mine =
            keys + (lane % 8 + lane / 16 * 8) * Tile::kRow + lane / 8 % 2 * 8;
#pragma unroll
        for (auto& each : scores) {
            each[0] = each[1] = each[2] = each[3] = 0;
        }
#pragma unroll
        for (int step = 0; step < Tile::kSize / 16; ++step) {
            const auto& left = query.of(step);
#pragma unroll
            for (int part = 0; part < Tile::kParts; ++part) {
                Bf16Pair right[Tile::kKeys / 16][4];
#pragma unroll
                for (int n = 0; n < Tile::kKeys / 16; ++n) {
                    load_matrices(right[n],
                                  mine + part * Tile::kKeyPart + n * 16 * Tile::kRow + step * 16);
                }
#pragma unroll
                for (int other = 0; other + part < Tile::kParts; ++other) {
#pragma unroll
                    for (int n = 0; n < Tile::kKeys / 8; ++n) {
                        multiply_add(scores[n], left[other], right[n / 2][n % 2 * 2],
                                     right[n / 2][n % 2 * 2 + 1]);
                    }
                }
            }
        }
    }

    /// Scales the scores, adds biases, caps them. @param key, query  the first of this thread's
    __device__ void finish_scores(const Attention& work, const float* biases, std::int64_t key,
                                  std::int64_t query) {
        if (biases == nullptr && work.softcap == 0) {
#pragma unroll
            for (auto& each : scores) {
                each[0] *= work.scale;
                each[1] *= work.scale;
                each[2] *= work.scale;
                each[3] *= work.scale;
            }
            return;
        }
        const std::int64_t newest = work.tokens - 1;
        float own[2] = {0, 0};
        if (biases != nullptr) {
            own[0] = biases[min(query, newest)];
            own[1] = biases[min(query + 8, newest)];
        }
#pragma unroll
        for (int n = 0; n < Tile::kKeys / 8; ++n) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                float score = scores[n][i] * work.scale;
                if (biases != nullptr) {
                    const std::int64_t at = min(key + n * 8 + i % 2, newest);
                    score += work.scale * (biases[at] - own[i / 2]);
                }
                scores[n][i] = kernels::capped(score, work.softcap);
            }
        }
    }

    /// Scores of keys that a query does not see become −∞.
    __device__ void mask(std::int64_t window, std::int64_t key, std::int64_t query) {
#pragma unroll
        for (int n = 0; n < Tile::kKeys / 8; ++n) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const std::int64_t back = query + i / 2 * 8 - (key + n * 8 + i % 2);
                if (back < 0 || (window > 0 && back >= window)) {
                    scores[n][i] = -INFINITY;
                }
            }
        }
    }

    /// Turns scores into weights, and brings down to their scale what was summed before.
    __device__ void weigh() {
#pragma unroll
        for (int row = 0; row < 2; ++row) {
            float most = largest[row];
#pragma unroll
            for (const auto& each : scores) {
                most = fmaxf(most, fmaxf(each[2 * row], each[2 * row + 1]));
            }
            most = fmaxf(most, __shfl_xor_sync(0xFFFFFFFFU, most, 1));
            most = fmaxf(most, __shfl_xor_sync(0xFFFFFFFFU, most, 2));
            // A query that has seen no key yet: all its weights are 2^−∞.
            const float base = most == -INFINITY ? 0.0F : most * kLog2E;
            const float shrink = power_of_two(largest[row] * kLog2E - base);
            largest[row] = most;
            float sum = total[row] * shrink;
#pragma unroll
            for (auto& each : scores) {
                each[2 * row] = power_of_two(fmaf(each[2 * row], kLog2E, -base));
                each[2 * row + 1] = power_of_two(fmaf(each[2 * row + 1], kLog2E, -base));
                sum += each[2 * row] + each[2 * row + 1];
            }
            total[row] = sum;
#pragma unroll
            for (auto& each : sums) {
                each[2 * row] *= shrink;
                each[2 * row + 1] *= shrink;
            }
        }
    }

    /// sums += weights·values.
    __device__ void add_values(const __nv_bfloat16* values) {
        const int lane = static_cast<int>(threadIdx.x % 32);
        const __nv_bfloat16* const mine = values + lane % 16 * Tile::kValueRow + lane / 16 * 8;
        constexpr int kBlock = Tile::kValueSize % 64 == 0 ? 4 : 2;  // of 16 values, at a time
#pragma unroll
        for (int step = 0; step < Tile::kKeys / 16; ++step) {
            Bf16Pair left[Tile::kParts][4];
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                float& first = scores[2 * step + i / 2][i % 2 * 2];
                float& second = scores[2 * step + i / 2][i % 2 * 2 + 1];
#pragma unroll
                for (int part = 0; part < Tile::kParts; ++part) {
                    left[part][i] = take_rounded(first, second);
                }
            }
#pragma unroll
            for (int block = 0; block < Tile::kValueSize / 16; block += kBlock) {
#pragma unroll
                for (int part = 0; part < Tile::kParts; ++part) {
                    Bf16Pair right[kBlock][4];
#pragma unroll
                    for (int n = 0; n < kBlock; ++n) {
                        load_transposed(right[n], mine + part * Tile::kValuePart +
                                                      step * 16 * Tile::kValueRow +
                                                      (block + n) * 16);
                    }
#pragma unroll
                    for (int other = 0; other + part < Tile::kParts; ++other) {
#pragma unroll
                        for (int n = 0; n < 2 * kBlock; ++n) {
                            multiply_add(sums[2 * block + n], left[other], right[n / 2][n % 2 * 2],
                                         right[n / 2][n % 2 * 2 + 1]);
                        }
                    }
                }
            }
        }
    }

    /// @param sink   of the head; −∞: none
    /// @param query  this thread's first
    __device__ void store(const Attention& work, std::int64_t head, std::int64_t query,
                          float sink) {
        const int pair = static_cast<int>(threadIdx.x % 4);
#pragma unroll
        for (int row = 0; row < 2; ++row) {
            float sum = total[row];
            sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 1);
            sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 2);
            const float most = fmaxf(largest[row], sink);
            const float base = most == -INFINITY ? 0.0F : most;
            const float shrink = expf(largest[row] - base);
            const float factor = shrink / (sum * shrink + expf(sink - base));
            const std::int64_t token = query + row * 8;
            if (token >= work.tokens) {
                continue;
            }
            float* const out = work.out + (token * work.heads + head) * work.value_size;
#pragma unroll
            for (int n = 0; n < Tile::kValueSize / 8; ++n) {
                const int col = n * 8 + pair * 2;
                if (col < work.value_size) {
                    out[col] = sums[n][2 * row] * factor;
                }
                if (col + 1 < work.value_size) {
                    out[col + 1] = sums[n][2 * row + 1] * factor;
                }
            }
        }
    }
};

}  // namespace alphaprune::transformer::card
