#pragma once

#include <cstdint>

namespace alphaprune::linalg {

/// The bits of a bfloat16: the upper half of a float32.
using Bf16 = std::uint16_t;
/// Those of two inputs of one output, the first in the lower half.
using Bf16Pair = std::uint32_t;

/// Outputs (rows of the weights) of a strip, the unit that weights are packed in.
inline constexpr std::int64_t kStripOutputs = 64;
/// Inputs and tokens are padded with zeros to multiples of these.
inline constexpr std::int64_t kInputGroup = 32;
inline constexpr std::int64_t kTokenGroup = 16;

constexpr std::int64_t rounded_up(std::int64_t count, std::int64_t group) {
    return (count + group - 1) / group * group;
}

/// Where the two parts of values go; `lo` is null for values that are rounded once.
template <class Value>
struct TwoParts {
    Value* hi = nullptr;
    Value* lo = nullptr;
};

/// With one part, hi = x rounded to nearest, ties to even. With two, x = hi + lo, of which 16 bits
/// are exact: lo is the rest, rounded the same way, and hi of a finite x is finite (the largest
/// bfloat16 where rounding would give infinity). An infinity or NaN is all in hi, and lo is zero.
/// @returns whether all values are finite
bool split_values(const float* values, std::int64_t count, TwoParts<Bf16> to);

/// Rows of weights split into one strip for each part, in the order in which the instructions
/// want them: input pair after input pair, the kStripOutputs outputs of one side by side (oneDNN's
/// BA16a64b2a of the transposed weights). Rows and inputs that are missing are zero.
/// @param rows  outputs × inputs, `stride` apart; 1 to kStripOutputs outputs
/// @param to    strips of rounded_up(inputs, kInputGroup) / 2 × kStripOutputs pairs
void pack_strip(const float* rows, std::int64_t outputs, std::int64_t inputs, std::int64_t stride,
                TwoParts<Bf16Pair> to);

}  // namespace alphaprune::linalg
