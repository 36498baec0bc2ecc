#pragma once

#include <cstdint>
#include <vector>

#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/linalg/sgemm.hpp"

namespace alphaprune::linalg {

/// Tokens are split and multiplied in groups of so many: a slice of a sequence begins with one.
inline constexpr std::int64_t kSplitTokens = 16;

/// The activations of some tokens in bfloat16, split once and used for all outputs, in somebody
/// else's memory.
///
/// With bf16x2, x = hi + lo with hi = bf16(x) and lo = bf16(x - hi). Where float32 would give an
/// infinity or NaN, so do the products: a value that is not finite is all in hi, and lo is zero.
/// Of a finite value, hi is at most the largest bfloat16, and lo the rest. With bf16, values above
/// that become infinite, as in any conversion.
struct SplitInput {
    std::int64_t tokens = 0;
    std::int64_t inputs = 0;
    ForwardPrecision precision = ForwardPrecision::bf16;  ///< or bf16x2
    /// Bits of bfloat16, row-major, with rows and columns of zeros: tokens up to a multiple of
    /// kSplitTokens, each of split_width(inputs) values.
    const std::uint16_t* hi = nullptr;
    const std::uint16_t* lo = nullptr;  ///< with bf16x2 only
    bool is_finite = true;              ///< all values are
};

/// Values that a token takes: a multiple of 32.
std::int64_t split_width(std::int64_t inputs);

/// Splits tokens × inputs.
/// @param precision  bf16 or bf16x2
/// @param hi, lo     room for them; lo: with bf16x2 only
/// @pre has_bf16_products()
SplitInput split_input(ConstFloatView input, ForwardPrecision precision, std::uint16_t* hi,
                       std::uint16_t* lo);

/// Memory of its own for that, kept from one input to the next.
class SplitBuffer {
  public:
    const SplitInput& assign(ConstFloatView input, ForwardPrecision precision);
    const SplitInput& split() const { return split_; }

  private:
    std::vector<std::uint16_t> values_;
    SplitInput split_;
};

}  // namespace alphaprune::linalg
