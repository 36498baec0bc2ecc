#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "alphaprune/model/block_description.hpp"

// The loops over activations that are not matrix products, compiled for the vector units of several
// processors; the right one is taken at run time. On one machine the bits of a result depend on the
// values alone.

namespace alphaprune::transformer {

/// e^x to about 1e-7, relative; below −87.3 and above 88.3 the value there. NaN stays NaN.
[[gnu::always_inline]] inline float exponential(float x) {
    // x = n·ln 2 + r with |r| <= ln 2 / 2. Adding 1.5·2^23 leaves n in the last bits of a float.
    constexpr float kRound = 12582912.0F;
    x = x < -87.3F ? -87.3F : x;
    x = x > 88.3F ? 88.3F : x;
    const float shifted = x * 1.44269504088896341F + kRound;
    const float n = shifted - kRound;
    const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
    float p = 1.9875691500e-4F;
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = (p * r) * r + r + 1.0F;
    const std::uint32_t power = std::bit_cast<std::uint32_t>(shifted) << 23U;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + power);
}

/// x ← e^(x − shift). @return the sum of the results
float exponentials(std::span<float> values, float shift);
/// Σ e^(x − shift), changing nothing.
float sum_of_exponentials(std::span<const float> values, float shift);
/// −∞ for no values.
float largest(std::span<const float> values);

double sum(std::span<const float> values);
/// Σ (x − shift)².
double sum_of_squares(std::span<const float> values, float shift);

/// values ← values·factor.
void scale(std::span<float> values, float factor);
/// values ← cap·tanh(values/cap).
void soft_cap(std::span<float> values, float cap);
/// values ← values + others.
void add(std::span<float> values, std::span<const float> others);
/// values ← values·others.
void multiply(std::span<float> values, std::span<const float> others);
/// out ← ((values − shift)·factor)·weights, and + biases if there are any; weights may be empty,
/// too. out may be values.
void scale_and_shift(std::span<const float> values, float shift, float factor,
                     std::span<const float> weights, std::span<const float> biases,
                     std::span<float> out);
/// (a, b) ← (a·cos − b·sin, b·cos + a·sin), element by element.
void rotate(std::span<float> a, std::span<float> b, std::span<const float> cos,
            std::span<const float> sin);

/// gate ← what that way makes of both.
void clamped_gate(const model::ClampedGate& clamped, std::span<float> gate,
                  std::span<const float> up);

void silu(std::span<float> values);
void relu(std::span<float> values);
/// x·½(1 + erf(x/√2)).
void gelu(std::span<float> values);
/// The same with the tanh formula that gelu_new, gelu_pytorch_tanh and gelu_fast name.
void gelu_tanh(std::span<float> values);
/// x/(1 + e^(−1.702·x)).
void quick_gelu(std::span<float> values);

/// Changes values in place, element by element.
using Activation = void (*)(std::span<float>);

/// The function that config.json calls so; nullptr when the program has none of that name.
Activation activation_named(std::string_view name);

/// The names it knows: "silu, swish, relu, …".
std::string activation_names();

}  // namespace alphaprune::transformer
