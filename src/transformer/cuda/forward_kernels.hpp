#pragma once

#include <cmath>
#include <cstdint>

#include "cuda/forward_lane.hpp"
#include "cuda/spectrum_kernels.hpp"

// What kernels of the forward pass compute of single values. Each runs on the host, too.

namespace alphaprune::transformer::card::kernels {

namespace numbers = linalg::kernels;

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

/// Value number `index` of the gate, as it becomes.
ALPHAPRUNE_KERNEL float gated(const Gate& work, std::int64_t index) {
    const float gate = activated(work, work.gate[index]);
    if (work.up == nullptr) {
        return gate;
    }
    float up = work.up[index];
    if (work.activation == Activation::clamped_gate) {  // NaN stays
        up = up > work.limit ? work.limit : up;
        up = up < -work.limit ? -work.limit : up;
        up += 1.0F;
    }
    return up * gate;
}

/// Turns pair number `index` of tokens × heads × pairs.
ALPHAPRUNE_KERNEL void rotate_pair(const Rotation& work, std::int64_t index) {
    const std::int64_t pair = index % work.pairs;
    const std::int64_t head = index / work.pairs;  // of all tokens' heads
    const std::int64_t at = head / work.heads * work.pairs + pair;
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
    if (is_nan(value)) {
        return 0x7FFFU;
    }
    std::uint16_t bits = 0;
    numbers::narrow_to(&bits, type, 0, value);
    return bits;
}

/// Each lower part of a float16 stands for so much less than the one before.
inline constexpr float kNextPart = 2048;

/// A value in parts of 16 bits, the greatest first, part p at to[p·stride]. In float16 part p is
/// multiplied by kNextPart^p. What is not finite gives parts that are not.
ALPHAPRUNE_KERNEL void split(float value, support::ScalarType type, int parts, std::uint16_t* to,
                             std::int64_t stride) {
    const float step = type == support::ScalarType::float16 ? kNextPart : 1.0F;
    for (int part = 0; part < parts; ++part) {
        const std::uint16_t bits = rounded_to(type, value);
        to[part * stride] = bits;
        value = (value - static_cast<float>(numbers::widen_at(&bits, type, 0))) * step;
    }
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
