#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDA_ARCH__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

#include "cuda/forward_lane.hpp"
#include "cuda/spectrum_kernels.hpp"

// What kernels of the forward pass compute of single values. Each runs on the host, too.

namespace alphaprune::transformer::card::kernels {

namespace numbers = linalg::kernels;

/// Where value number `index` of rows of that width is.
struct Place {
    std::int64_t row, col;
};
ALPHAPRUNE_KERNEL Place place_of(std::int64_t index, std::int64_t width) {
    if (((index | width) >> 32) == 0) {  // many times faster on a card
        const auto row = static_cast<std::uint32_t>(index) / static_cast<std::uint32_t>(width);
        return {row, index - row * width};
    }
    return {index / width, index % width};
}

/// @pre clamped_gate: `work` gives its limit and steepness
ALPHAPRUNE_KERNEL float activated(const Gate& work, float x) {
    switch (work.activation) {
        case Activation::silu:
            return x / (1.0F + std::exp(-x));
        case Activation::relu:
            return x < 0.0F ? 0.0F : x;  // NaN stays
        case Activation::gelu:
            return 0.5F * x * std::erfc(x * -0.70710678118654752F);
        case Activation::gelu_tanh: {
            // ½(1 + tanh u) = 1/(1 + e^(−2u)), u = √(2/π)·(x + 0.044715·x³)
            const float twice = 1.59576912160573071F * (x + 0.044715F * x * x * x);
            return x / (1.0F + std::exp(-twice));
        }
        case Activation::quick_gelu:
            return x / (1.0F + std::exp(-1.702F * x));
        case Activation::clamped_gate: {
            const float clamped = x > work.limit ? work.limit : x;
            return clamped / (1.0F + std::exp(-work.steepness * clamped));
        }
    }
    return x;
}

/// A value of the gate, as it becomes. @param up  of no meaning where there is none
ALPHAPRUNE_KERNEL float gated(const Gate& work, float value, float up) {
    const float gate = activated(work, value);
    if (work.up == nullptr) {
        return gate;
    }
    if (work.activation == Activation::clamped_gate) {  // NaN stays
        up = up > work.limit ? work.limit : up;
        up = up < -work.limit ? -work.limit : up;
        up += 1.0F;
    }
    return up * gate;
}

/// Turns pair number `index` of tokens × heads × pairs.
ALPHAPRUNE_KERNEL void rotate_pair(const Rotation& work, std::int64_t index) {
    const auto [head, pair] = place_of(index, work.pairs);  // of all tokens' heads
    const std::int64_t at = place_of(head, work.heads).row * work.pairs + pair;
    float* const begin = work.values + head * work.head_size + work.first;
    float& a = begin[work.interleaved ? 2 * pair : pair];
    float& b = begin[work.interleaved ? 2 * pair + 1 : work.pairs + pair];
    const float x = a;
    const float y = b;
    a = x * work.cos[at] - y * work.sin[at];
    b = y * work.cos[at] + x * work.sin[at];
}

/// cap·tanh(score/cap); as it is without a cap.
ALPHAPRUNE_KERNEL float capped(float score, float cap) {
    return cap > 0 ? cap * std::tanh(score / cap) : score;
}

ALPHAPRUNE_KERNEL bool is_nan(float value) {
    return (numbers::bits_of_float(value) & 0x7FFFFFFFU) > 0x7F800000U;
}

/// Any value rounded to bfloat16 or float16, ties to even; NaN stays NaN.
ALPHAPRUNE_KERNEL std::uint16_t rounded_to(support::ScalarType type, float value) {
#ifdef __CUDA_ARCH__  // an instruction each
    return type == support::ScalarType::float16 ? __half_as_ushort(__float2half_rn(value))
                                                : __bfloat16_as_ushort(__float2bfloat16_rn(value));
#else
    if (is_nan(value)) {
        return 0x7FFFU;
    }
    std::uint16_t bits = 0;
    numbers::narrow_to(&bits, type, 0, value);
    return bits;
#endif
}

/// The inverse, exactly.
ALPHAPRUNE_KERNEL float widened(support::ScalarType type, std::uint16_t bits) {
#ifdef __CUDA_ARCH__
    return type == support::ScalarType::float16 ? __half2float(__ushort_as_half(bits))
                                                : __bfloat162float(__ushort_as_bfloat16(bits));
#else
    return static_cast<float>(numbers::widen_at(&bits, type, 0));
#endif
}

/// Each lower part of a float16 stands for so much less than the one before.
inline constexpr float kNextPart = 2048;

/// The next part of a value, of 16 bits, greatest first, and what it leaves of the value for the
/// part after it: in float16 multiplied by kNextPart. What is not finite gives parts that are not.
ALPHAPRUNE_KERNEL std::uint16_t take_part(support::ScalarType type, float& value) {
    const std::uint16_t bits = rounded_to(type, value);
    value -= widened(type, bits);
    value *= type == support::ScalarType::float16 ? kNextPart : 1.0F;
    return bits;
}

/// The power of two that brings values in float16's range: the largest below 2^14.
/// @param largest  bits of the largest absolute value, NaN the largest of all
ALPHAPRUNE_KERNEL float scale_for_float16(std::uint32_t largest) {
    const auto exponent = static_cast<std::int32_t>(largest >> 23U);
    if (largest == 0 || exponent == 255) {
        return 1;
    }
    // Not so large that its reciprocal, for the lowest part too, were subnormal.
    const std::int32_t wanted = 13 - (exponent - 127);
    const std::int32_t power = wanted > 100 ? 100 : wanted;
    return numbers::float_of_bits(static_cast<std::uint32_t>(power + 127) << 23U);
}

}  // namespace alphaprune::transformer::card::kernels
