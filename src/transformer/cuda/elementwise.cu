#include "cuda/elementwise.cuh"

#include <algorithm>

#include "cuda/forward_kernels.hpp"
#include "cuda/launch.cuh"

namespace alphaprune::transformer::card {

using namespace device;  // launches
namespace {

/// `Count` values from a place that is a multiple of as many; nothing beyond `end`.
template <int Count>
struct Values {
    float of[Count];

    __device__ static Values load(const float* from, std::int64_t place) {
        Values values;
        if constexpr (Count == 4) {
            *reinterpret_cast<float4*>(values.of) = *reinterpret_cast<const float4*>(from + place);
        } else {
            values.of[0] = from[place];
        }
        return values;
    }
    __device__ void store(float* to, std::int64_t place) const {
        if constexpr (Count == 4) {
            *reinterpret_cast<float4*>(to + place) = *reinterpret_cast<const float4*>(of);
        } else {
            to[place] = of[0];
        }
    }
    /// In parts of bfloat16; of the values only the last remainder is left.
    __device__ void split(const SplitRoom& room, std::int64_t place) {
        if constexpr (Count == 4) {
            if (room.count == 0) {
                return;
            }
            std::uint16_t* const to = place_of_parts(room, place);
            for (int part = 0; part < room.count; ++part) {
                ushort4 rounded;
                rounded.x = kernels::take_part(support::ScalarType::bfloat16, of[0]);
                rounded.y = kernels::take_part(support::ScalarType::bfloat16, of[1]);
                rounded.z = kernels::take_part(support::ScalarType::bfloat16, of[2]);
                rounded.w = kernels::take_part(support::ScalarType::bfloat16, of[3]);
                *reinterpret_cast<ushort4*>(to + part * room.stride) = rounded;
            }
        }
    }
};

/// One row for each group of threads, which take `Count` values at a time.
template <int Count>
__global__ void norm_rows(Norm work, SplitRoom parts) {
    const std::int64_t begin = std::int64_t{blockIdx.x} * work.width;
    const float* const row = work.values + begin;
    float* const out = work.out + begin;
    const auto size = static_cast<double>(work.width);
    const std::int64_t first = std::int64_t{threadIdx.x} * Count;
    const std::int64_t step = std::int64_t{blockDim.x} * Count;
    float shift = 0;
    if (work.centered) {
        double mine = 0;
        for (std::int64_t i = first; i < work.width; i += step) {
            const auto values = Values<Count>::load(row, i);
            for (const float value : values.of) {
                mine += static_cast<double>(value);
            }
        }
        shift = static_cast<float>(over_group(mine, Sum{}) / size);
    }
    double mine = 0;
    for (std::int64_t i = first; i < work.width; i += step) {
        const auto values = Values<Count>::load(row, i);
        for (const float value : values.of) {
            const auto distance = static_cast<double>(value - shift);
            mine += distance * distance;
        }
    }
    const auto factor =
        static_cast<float>(1.0 / sqrt(over_group(mine, Sum{}) / size + work.epsilon));
    for (std::int64_t i = first; i < work.width; i += step) {
        auto values = Values<Count>::load(row, i);
#pragma unroll
        for (int j = 0; j < Count; ++j) {
            float value = (values.of[j] - shift) * factor;
            if (work.weights != nullptr) {
                const float weight = work.weights[i + j];
                value *= work.unit_offset ? 1.0F + weight : weight;
            }
            values.of[j] = work.biases != nullptr ? value + work.biases[i + j] : value;
        }
        values.store(out, i);
        values.split(parts, begin + i);
    }
}

/// Four values for each thread.
__global__ void gate_by_four(Gate work, SplitRoom parts) {
    const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x * 4;
    for (std::int64_t i = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * 4; i < work.count;
         i += step) {
        auto gate = Values<4>::load(work.gate, i);
        const auto up = work.up != nullptr ? Values<4>::load(work.up, i) : Values<4>{};
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            gate.of[j] = kernels::gated(work, gate.of[j], up.of[j]);
        }
        gate.store(work.gate, i);
        gate.split(parts, i);
    }
}

/// Whether values can be taken four at a time.
bool is_by_four(const void* memory, std::int64_t count) {
    return count % 4 == 0 && reinterpret_cast<std::uintptr_t>(memory) % sizeof(float4) == 0;
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

}  // namespace

/// In memory that is not aligned: one value at a time.
static void split_apart(cudaStream_t stream, const float* values, std::int64_t count,
                        const SplitRoom& room) {
    if (room.count > 0) {
        run_over(stream, count, "split", [values, room] __device__(std::int64_t i) {
            float value = values[i];
            std::uint16_t* const to = place_of_parts(room, i);
            for (int part = 0; part < room.count; ++part) {
                to[part * room.stride] = kernels::take_part(support::ScalarType::bfloat16, value);
            }
        });
    }
}

void norm(cudaStream_t stream, const Norm& work, const SplitRoom& parts) {
    if (work.rows == 0 || work.width == 0) {
        return;
    }
    const auto threads = static_cast<unsigned>(
        std::clamp<std::int64_t>((work.width / 4 + 31) / 32 * 32, 32, kThreads));
    const auto groups = static_cast<unsigned>(work.rows);
    if (is_by_four(work.values, work.width) && is_by_four(work.out, work.width)) {
        norm_rows<4><<<groups, threads, 0, stream>>>(work, parts);
    } else {
        norm_rows<1><<<groups, threads, 0, stream>>>(work, {});
        split_apart(stream, work.out, work.rows * work.width, parts);
    }
    check_cuda(cudaGetLastError(), "norm");
}

void gate(cudaStream_t stream, const Gate& work, const SplitRoom& parts) {
    if (is_by_four(work.gate, work.count) && (work.up == nullptr || is_by_four(work.up, 4))) {
        if (work.count > 0) {
            gate_by_four<<<groups_for(work.count / 4), kThreads, 0, stream>>>(work, parts);
            check_cuda(cudaGetLastError(), "gate");
        }
        return;
    }
    run_over(stream, work.count, "gate", [work] __device__(std::int64_t i) {
        work.gate[i] = kernels::gated(work, work.gate[i], work.up != nullptr ? work.up[i] : 0.0F);
    });
    split_apart(stream, work.gate, work.count, parts);
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
