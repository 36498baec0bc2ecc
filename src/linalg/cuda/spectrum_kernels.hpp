#pragma once

#include <cmath>
#include <cstdint>

#include "alphaprune/support/scalar.hpp"
#include "cuda/kernel_body.hpp"

namespace alphaprune::linalg::kernels {

/// The bits of a float32, as every compiler takes them.
ALPHAPRUNE_KERNEL float float_of_bits(std::uint32_t bits) {
    union {
        std::uint32_t bits;
        float value;
    } both{bits};
    return both.value;
}

/// float16 of these bits, exactly.
ALPHAPRUNE_KERNEL double widen_float16(std::uint16_t bits) {
    const std::uint32_t sign = (bits & 0x8000U) << 16;
    const std::uint32_t exponent = (bits >> 10) & 0x1FU;
    const std::uint32_t fraction = bits & 0x3FFU;
    if (exponent == 0) {  // a subnormal number is a whole multiple of 2^-24
        const float size = static_cast<float>(fraction) * 5.9604644775390625e-8F;
        return sign != 0 ? -size : size;
    }
    const std::uint32_t wide = exponent == 31 ? 0xFFU : exponent + 112;
    return float_of_bits(sign | (wide << 23) | (fraction << 13));
}

/// Value number `index` of stored ones as float64.
ALPHAPRUNE_KERNEL double widen_at(const void* stored, support::ScalarType type,
                                  std::int64_t index) {
    switch (type) {
        case support::ScalarType::float16:
            return widen_float16(static_cast<const std::uint16_t*>(stored)[index]);
        case support::ScalarType::bfloat16:
            return float_of_bits(
                static_cast<std::uint32_t>(static_cast<const std::uint16_t*>(stored)[index]) << 16);
        case support::ScalarType::float32:
            return static_cast<const float*>(stored)[index];
        default:
            return static_cast<const double*>(stored)[index];
    }
}

/// A rectangle of a stored matrix, row-major with `stored_cols` values a row.
struct StoredPart {
    const void* stored = nullptr;
    support::ScalarType type{};
    std::int64_t stored_cols = 0;
    std::int64_t row_begin = 0;
    std::int64_t col_begin = 0;
    std::int64_t cols = 0;

    /// Value number `index` of the rectangle, counted row by row.
    ALPHAPRUNE_KERNEL double at(std::int64_t index) const {
        const std::int64_t row = row_begin + index / cols;
        return widen_at(stored, type, row * stored_cols + col_begin + index % cols);
    }
};

/// What entry (row, col) of the lower triangle of a symmetric matrix adds to the sum of the squares
/// of all its values, each taken times `scale`.
ALPHAPRUNE_KERNEL double square_in_lower(const double* lower, std::int64_t order, std::int64_t row,
                                         std::int64_t col, double scale) {
    if (row < col) {
        return 0;
    }
    const double value = lower[row + col * order] * scale;
    return row == col ? value * value : 2 * value * value;
}

}  // namespace alphaprune::linalg::kernels
