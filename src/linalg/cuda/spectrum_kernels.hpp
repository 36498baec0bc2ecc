#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "alphaprune/support/random_draw.hpp"
#include "alphaprune/support/scalar.hpp"
#include "kernel_body.hpp"

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

/// Bytes of a stored value: support::size_of, which the module cannot call.
ALPHAPRUNE_KERNEL std::size_t bytes_of(support::ScalarType type) {
    switch (type) {
        case support::ScalarType::float32:
            return 4;
        case support::ScalarType::float64:
            return 8;
        default:
            return 2;
    }
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

/// The bits of a float32.
ALPHAPRUNE_KERNEL std::uint32_t bits_of_float(float value) {
    union {
        float value;
        std::uint32_t bits;
    } both{value};
    return both.bits;
}

/// A finite number rounded to float16, ties to even; too large a one to infinity.
ALPHAPRUNE_KERNEL std::uint16_t narrow_float16(float value) {
    const std::uint32_t bits = bits_of_float(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000U;
    const std::uint32_t size = bits & 0x7FFFFFFFU;
    if (size >= 0x477FF000U) {  // 65520 and more
        return static_cast<std::uint16_t>(sign | 0x7C00U);
    }
    if (size < 0x38800000U) {  // below 2^-14: whole multiples of 2^-24, by float32's own rounding
        const float shifted = float_of_bits(size) + 0.5F;  // whose last bit is worth 2^-24
        return static_cast<std::uint16_t>(sign | (bits_of_float(shifted) - 0x3F000000U));
    }
    const std::uint32_t rounded = size - 0x38000000U + 0xFFFU + ((size >> 13) & 1U);
    return static_cast<std::uint16_t>(sign | (rounded >> 13));
}

/// Stores a finite value as number `index`, rounded to the type, ties to even.
ALPHAPRUNE_KERNEL void narrow_to(void* stored, support::ScalarType type, std::int64_t index,
                                 float value) {
    switch (type) {
        case support::ScalarType::float16:
            static_cast<std::uint16_t*>(stored)[index] = narrow_float16(value);
            break;
        case support::ScalarType::bfloat16: {
            const std::uint32_t bits = bits_of_float(value);
            static_cast<std::uint16_t*>(stored)[index] =
                static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
            break;
        }
        case support::ScalarType::float32:
            static_cast<float*>(stored)[index] = value;
            break;
        default:
            static_cast<double*>(stored)[index] = value;
    }
}

/// A value of linalg::GeneratedValues; the product of the scales is exact.
ALPHAPRUNE_KERNEL float generated_value(support::RowKey row, std::int64_t col, float row_scale,
                                        float col_scale) {
    const auto bits = support::random_bits(row, static_cast<std::uint32_t>(col));
    return (row_scale * col_scale) * static_cast<float>(support::bell(bits)) + 0.0F;
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
