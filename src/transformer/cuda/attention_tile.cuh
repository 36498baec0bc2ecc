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
    /// Of 16 queries each, which a warp has: what it loads serves them all. Registers do not
    /// suffice for two where values are longer or in more parts.
    static constexpr int kStrips = Size > 64 && Size <= 128 && Parts <= 2 ? 2 : 1;
    static constexpr int kWarps = Size > 128 || kStrips == 2 ? 4 : 8;
    static constexpr int kThreads = 32 * kWarps;
    static constexpr int kQueries = 16 * kStrips * kWarps;
    static constexpr int kKeys = Size > 128 || Parts* kStrips >= 3 ? 32 : 64;
    static constexpr bool kQueryInRegisters = kStrips == 1 && Size * Parts <= 256;
    /// Groups of threads that a processor of the card shall have room for.
    static constexpr int kGroups = kStrips == 2 || (Size <= 64 && Parts <= 2) ? 2 : 1;
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
    constexpr int kAll = Tile::kParts * Rows * kPieces;
#pragma unroll 1  // registers are short
    for (int begin = 0; begin < kAll; begin += Tile::kThreads) {
        const int i = begin + static_cast<int>(threadIdx.x);
        if (kAll % Tile::kThreads == 0 || i < kAll) {
            const int piece = i % kPieces;
            const int row = i / kPieces % Rows;
            const int part = i / kPieces / Rows;
            begin_copy(to + (part * Rows + row) * (Size + 8) + piece * 8,
                       from + part * part_stride + row * Size + piece * 8);
        }
    }
}

/// A warp's queries as left operands, for 16 values of the head at a time.
template <class Tile>
struct QueryOperands {
    using Step = Bf16Pair[Tile::kParts][Tile::kStrips][4];
    static constexpr int kSteps = Tile::kQueryInRegisters ? Tile::kSize / 16 : 1;
    Step values[kSteps];
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
                    values[step][part][0][i] = *reinterpret_cast<const Bf16Pair*>(
                        at + i % 2 * 8 * Tile::kSize + i / 2 * 8);
                }
            }
        }
    }

    __device__ const Step& of(int step) {
        if constexpr (Tile::kQueryInRegisters) {
            return values[step];
        } else {
#pragma unroll
            for (int part = 0; part < Tile::kParts; ++part) {
#pragma unroll
                for (int strip = 0; strip < Tile::kStrips; ++strip) {
                    load_matrices(values[0][part][strip], in_shared + part * Tile::kQueryPart +
                                                              strip * 16 * Tile::kRow + step * 16);
                }
            }
            return values[0];
        }
    }
};

/// Running softmax of a thread's queries, g and g + 8 of each strip, and sums of values.
template <class Tile>
struct RunningTile {
    static constexpr float kLog2E = 1.44269504088896341F;

    float scores[Tile::kStrips][Tile::kKeys / 8][4];
    float sums[Tile::kStrips][Tile::kValueSize / 8][4];
    float largest[Tile::kStrips][2];
    float total[Tile::kStrips][2];  ///< of this thread's keys alone

    template <int Count>
    static __device__ void set_zero(float (&values)[Tile::kStrips][Count][4]) {
#pragma unroll
        for (int i = 0; i < Tile::kStrips * Count * 4; ++i) {
            values[i / 4 / Count][i / 4 % Count][i % 4] = 0;
        }
    }

    __device__ void clear() {
        set_zero(sums);
#pragma unroll
        for (int strip = 0; strip < Tile::kStrips; ++strip) {
            largest[strip][0] = largest[strip][1] = -INFINITY;
            total[strip][0] = total[strip][1] = 0;
        }
    }

    /// scores ← query·keyᵀ.
    __device__ void score(QueryOperands<Tile>& query, const __nv_bfloat16* keys) {
        const int lane = static_cast<int>(threadIdx.x % 32);
        const __nv_bfloat16* const mine =
            keys + (lane % 8 + lane / 16 * 8) * Tile::kRow + lane / 8 % 2 * 8;
        set_zero(scores);
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
                    for (int strip = 0; strip < Tile::kStrips; ++strip) {
#pragma unroll
                        for (int n = 0; n < Tile::kKeys / 8; ++n) {
                            multiply_add(scores[strip][n], left[other][strip],
                                         right[n / 2][n % 2 * 2], right[n / 2][n % 2 * 2 + 1]);
                        }
                    }
                }
            }
        }
    }

    /// Scales the scores, adds biases, caps them. @param key, query  the first of this thread's
    __device__ void finish_scores(const Attention& work, const float* biases, int key, int query) {
#pragma unroll
        for (int i = 0; i < Tile::kStrips * Tile::kKeys / 2; ++i) {
            scores[i / (Tile::kKeys / 2)][i / 4 % (Tile::kKeys / 8)][i % 4] *= work.scale;
        }
        if (biases == nullptr && work.softcap == 0) {
            return;
        }
        const int newest = static_cast<int>(work.tokens) - 1;
#pragma unroll
        for (int strip = 0; strip < Tile::kStrips; ++strip) {
#pragma unroll
            for (int n = 0; n < Tile::kKeys / 8; ++n) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    float& score = scores[strip][n][i];
                    if (biases != nullptr) {
                        const float own = biases[min(query + strip * 16 + i / 2 * 8, newest)];
                        score += work.scale * (biases[min(key + n * 8 + i % 2, newest)] - own);
                    }
                    score = kernels::capped(score, work.softcap);
                }
            }
        }
    }

    /// Scores of keys that a query does not see become −∞. @param window  0: all
    __device__ void mask(int window, int key, int query) {
#pragma unroll
        for (int strip = 0; strip < Tile::kStrips; ++strip) {
#pragma unroll
            for (int n = 0; n < Tile::kKeys / 8; ++n) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const int back = query + strip * 16 + i / 2 * 8 - (key + n * 8 + i % 2);
                    if (back < 0 || (window > 0 && back >= window)) {
                        scores[strip][n][i] = -INFINITY;
                    }
                }
            }
        }
    }

    /// Turns scores into weights, and brings down to their scale what was summed before.
    __device__ void weigh() {
#pragma unroll
        for (int strip = 0; strip < Tile::kStrips; ++strip) {
#pragma unroll
            for (int row = 0; row < 2; ++row) {
                float most = largest[strip][row];
#pragma unroll
                for (int n = 0; n < Tile::kKeys / 8; ++n) {
                    most = fmaxf(most,
                                 fmaxf(scores[strip][n][2 * row], scores[strip][n][2 * row + 1]));
                }
                most = fmaxf(most, __shfl_xor_sync(0xFFFFFFFFU, most, 1));
                most = fmaxf(most, __shfl_xor_sync(0xFFFFFFFFU, most, 2));
                // A query that has seen no key yet: all its weights are 2^−∞.
                const float base = most == -INFINITY ? 0.0F : most * kLog2E;
                const float shrink = power_of_two(largest[strip][row] * kLog2E - base);
                largest[strip][row] = most;
                float sum = total[strip][row] * shrink;
#pragma unroll
                for (int i = 0; i < Tile::kKeys / 4; ++i) {
                    float& score = scores[strip][i / 2][2 * row + i % 2];
                    score = power_of_two(fmaf(score, kLog2E, -base));
                    sum += score;
                }
                total[strip][row] = sum;
#pragma unroll
                for (int i = 0; i < Tile::kValueSize / 4; ++i) {
                    sums[strip][i / 2][2 * row + i % 2] *= shrink;
                }
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
            Bf16Pair left[Tile::kParts][Tile::kStrips][4];
#pragma unroll
            for (int strip = 0; strip < Tile::kStrips; ++strip) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    float(&pair)[4] = scores[strip][2 * step + i / 2];
#pragma unroll
                    for (int part = 0; part < Tile::kParts; ++part) {
                        left[part][strip][i] = take_rounded(pair[i % 2 * 2], pair[i % 2 * 2 + 1]);
                    }
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
                        add_block<kBlock>(block, left[other], right);
                    }
                }
            }
        }
    }

    template <int Block>
    __device__ __forceinline__ void add_block(int block, const Bf16Pair (&left)[Tile::kStrips][4],
                                              const Bf16Pair (&right)[Block][4]) {
#pragma unroll
        for (int strip = 0; strip < Tile::kStrips; ++strip) {
#pragma unroll
            for (int n = 0; n < 2 * Block; ++n) {
                multiply_add(sums[strip][2 * block + n], left[strip], right[n / 2][n % 2 * 2],
                             right[n / 2][n % 2 * 2 + 1]);
            }
        }
    }

    /// @param sink   of the head; −∞: none
    /// @param query  this thread's first
    __device__ void store(const Attention& work, std::int64_t head, int query, float sink) {
#pragma unroll
        for (int strip = 0; strip < Tile::kStrips; ++strip) {
            store_row(work, head, query + strip * 16, sink, strip, 0);
            store_row(work, head, query + strip * 16 + 8, sink, strip, 1);
        }
    }

    __device__ __forceinline__ void store_row(const Attention& work, std::int64_t head, int query,
                                              float sink, int strip, int row) {
        float sum = total[strip][row];
        sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 1);
        sum += __shfl_xor_sync(0xFFFFFFFFU, sum, 2);
        const float most = fmaxf(largest[strip][row], sink);
        const float base = most == -INFINITY ? 0.0F : most;
        const float shrink = expf(largest[strip][row] - base);
        const float factor = shrink / (sum * shrink + expf(sink - base));
        if (query >= work.tokens) {
            return;
        }
        float* const out = work.out + (query * work.heads + head) * work.value_size;
#pragma unroll
        for (int n = 0; n < Tile::kValueSize / 8; ++n) {
            const int col = n * 8 + static_cast<int>(threadIdx.x % 4) * 2;
            if (col < work.value_size) {
                out[col] = sums[strip][n][2 * row] * factor;
            }
            if (col + 1 < work.value_size) {
                out[col + 1] = sums[strip][n][2 * row + 1] * factor;
            }
        }
    }
};

}  // namespace alphaprune::transformer::card
