#include "alphaprune/linalg/split_input.hpp"

#include <algorithm>
#include <cassert>

#include "bf16_parts.hpp"

namespace alphaprune::linalg {
namespace {

constexpr std::uint16_t kBf16Infinity = 0x7F80U;

}  // namespace

void SplitInput::assign(ConstFloatView input, ForwardPrecision precision) {
    assert(precision != ForwardPrecision::float32 && has_bf16_products());
    assert(input.stride >= input.cols);
    tokens_ = input.rows;
    inputs_ = input.cols;
    precision_ = precision;
    is_finite_ = true;
    const bool two = precision == ForwardPrecision::bf16x2;
    const std::int64_t width = rounded_up(input.cols, kInputGroup);
    const auto size = static_cast<std::size_t>(rounded_up(input.rows, kTokenGroup) * width);
    hi_.resize(size);
    lo_.resize(two ? size : 0);
    const auto clear = [&](std::int64_t first, std::int64_t last) {
        std::fill(hi_.begin() + first, hi_.begin() + last, std::uint16_t{0});
        if (two) {
            std::fill(lo_.begin() + first, lo_.begin() + last, std::uint16_t{0});
        }
    };
    for (std::int64_t i = 0; i < input.rows; ++i) {
        const std::int64_t at = i * width;
        is_finite_ &= split_values(input.data + i * input.stride, input.cols,
                                   {hi_.data() + at, two ? lo_.data() + at : nullptr});
        clear(at + input.cols, at + width);
    }
    clear(input.rows * width, static_cast<std::int64_t>(size));
    finite_hi_.clear();
    if (two && !is_finite_) {
        finite_hi_ = hi_;
        std::ranges::replace_if(
            finite_hi_, [](std::uint16_t x) { return (x & kBf16Infinity) == kBf16Infinity; },
            std::uint16_t{0});
    }
}

}  // namespace alphaprune::linalg
