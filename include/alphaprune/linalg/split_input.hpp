#pragma once

#include <cstdint>
#include <vector>

#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/linalg/sgemm.hpp"

namespace alphaprune::linalg {

/// The activations of a tile of tokens in bfloat16, split once and used for all outputs. It holds
/// 2 bytes a value with bf16, 4 with bf16x2, and keeps its memory from one tile to the next.
///
/// With bf16x2, x = hi + lo with hi = bf16(x) and lo = bf16(x - hi). Where float32 would give an
/// infinity or NaN, so do the products: a value that is not finite is all in hi, and lo is zero.
/// Of a finite value, hi is at most the largest bfloat16, and lo the rest. With bf16, values above
/// that become infinite, as in any conversion.
class SplitInput {
  public:
    /// Splits tokens × inputs.
    /// @param precision  bf16 or bf16x2
    /// @pre has_bf16_products()
    void assign(ConstFloatView input, ForwardPrecision precision);

    std::int64_t tokens() const { return tokens_; }
    std::int64_t inputs() const { return inputs_; }
    ForwardPrecision precision() const { return precision_; }

    /// Bits of bfloat16, row-major, with rows and columns of zeros: tokens up to a multiple of 16,
    /// inputs of 32.
    const std::uint16_t* hi() const { return hi_.data(); }
    /// With bf16x2 only.
    const std::uint16_t* lo() const { return lo_.data(); }
    /// hi with zeros for what is not finite, with bf16x2 only: an infinity times the second part of
    /// a weight, which may be zero, must not become NaN.
    const std::uint16_t* finite_hi() const { return is_finite_ ? hi() : finite_hi_.data(); }

  private:
    std::int64_t tokens_ = 0;
    std::int64_t inputs_ = 0;
    ForwardPrecision precision_ = ForwardPrecision::bf16;
    bool is_finite_ = true;
    std::vector<std::uint16_t> hi_;
    std::vector<std::uint16_t> lo_;
    std::vector<std::uint16_t> finite_hi_;
};

}  // namespace alphaprune::linalg
