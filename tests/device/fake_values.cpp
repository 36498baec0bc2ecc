#include "fake_values.hpp"

#include <cmath>
#include <cstddef>
#include <cstring>

#include "cuda/spectrum_kernels.hpp"
#include "fake_arithmetic.hpp"

using alphaprune::linalg::Addition;
using alphaprune::support::ScalarType;
namespace kernels = alphaprune::linalg::kernels;

void add_scaled(const Addition& work, TouchedMemory& memory) {
    memory.writes(work.sum, work.count, "sum");
    memory.reads(work.added, work.count, "added");
    memory.end();
    for (std::int64_t i = 0; i < work.count; ++i) {
        work.sum[i] += work.factor * work.added[i];
    }
}

void widen_values(const void* stored, ScalarType type, std::int64_t count, float* to,
                  TouchedMemory& memory) {
    memory.reads_stored(stored, count, stored_size(type), "stored");
    memory.writes(to, count, "to");
    memory.end();
    for (std::int64_t i = 0; i < count; ++i) {
        to[i] = static_cast<float>(kernels::widen_at(stored, type, i));
    }
}

std::int64_t narrow_values(const float* from, std::int64_t count, ScalarType type, void* stored,
                           TouchedMemory& memory) {
    const std::size_t size = stored_size(type);
    memory.reads(from, count, "from");
    memory.writes_stored(stored, count, size, "stored");
    memory.end();
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        const std::uint32_t bits = narrowed_to(type, from[i]);  // its lower bytes come first
        std::memcpy(static_cast<std::byte*>(stored) + static_cast<std::size_t>(i) * size, &bits,
                    size);
        wrong += std::isfinite(rounded_to(type, from[i])) ? 0 : 1;
    }
    return wrong;
}

void round_doubles(const double* from, std::int64_t count, double factor, float* to,
                   TouchedMemory& memory) {
    memory.reads(from, count, "from");
    memory.writes(to, count, "to");
    memory.end();
    for (std::int64_t i = 0; i < count; ++i) {
        to[i] = static_cast<float>(factor * from[i]);
    }
}

std::int64_t not_finite_among(const double* values, std::int64_t count, TouchedMemory& memory) {
    memory.reads(values, count, "values");
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        wrong += std::isfinite(values[i]) ? 0 : 1;
    }
    return wrong;
}

void copy_diagonal(const double* matrix, std::span<double> out, TouchedMemory& memory) {
    const std::int64_t order = std::ssize(out);
    memory.reads(matrix, order * order, "matrix");
    for (std::int64_t i = 0; i < order; ++i) {
        out[static_cast<std::size_t>(i)] = matrix[i * (order + 1)];
    }
}

void scale_by_column(float* values, std::int64_t rows, std::span<const float> scale, bool divide,
                     TouchedMemory& memory) {
    const std::int64_t cols = std::ssize(scale);
    memory.writes_rows(values, rows, cols, cols, "values");
    for (std::int64_t i = 0; i < rows * cols; ++i) {
        const float factor = scale[static_cast<std::size_t>(i % cols)];
        values[i] = divide ? values[i] / factor : values[i] * factor;
    }
}

void clear_by_column(float* values, std::int64_t rows, std::span<const std::uint8_t> which,
                     TouchedMemory& memory) {
    const std::int64_t cols = std::ssize(which);
    memory.writes_rows(values, rows, cols, cols, "values");
    for (std::int64_t i = 0; i < rows * cols; ++i) {
        values[i] = which[static_cast<std::size_t>(i % cols)] != 0 ? 0.0F : values[i];
    }
}
