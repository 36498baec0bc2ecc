#include "alphaprune/linalg/split_input.hpp"

#include <algorithm>
#include <cassert>

#include "bf16_parts.hpp"

namespace alphaprune::linalg {

static_assert(kSplitTokens == kTokenGroup);

std::int64_t split_width(std::int64_t inputs) {
    return rounded_up(inputs, kInputGroup);
}

SplitInput split_input(ConstFloatView input, ForwardPrecision precision, std::uint16_t* hi,
                       std::uint16_t* lo) {
    assert(precision != ForwardPrecision::float32 && has_bf16_products());
    assert(input.stride >= input.cols);
    const bool two = precision == ForwardPrecision::bf16x2;
    const std::int64_t width = split_width(input.cols);
    const auto clear = [&](std::int64_t first, std::int64_t last) {
        std::fill(hi + first, hi + last, std::uint16_t{0});
        if (two) {
            std::fill(lo + first, lo + last, std::uint16_t{0});
        }
    };
    bool is_finite = true;
    for (std::int64_t i = 0; i < input.rows; ++i) {
        const std::int64_t at = i * width;
        is_finite &= split_values(input.data + i * input.stride, input.cols,
                                  {hi + at, two ? lo + at : nullptr});
        clear(at + input.cols, at + width);
    }
    clear(input.rows * width, rounded_up(input.rows, kTokenGroup) * width);
    return {input.rows, input.cols, precision, hi, two ? lo : nullptr, is_finite};
}

const SplitInput& SplitBuffer::assign(ConstFloatView input, ForwardPrecision precision) {
    const auto size =
        static_cast<std::size_t>(rounded_up(input.rows, kTokenGroup) * split_width(input.cols));
    const bool two = precision == ForwardPrecision::bf16x2;
    values_.resize(two ? 2 * size : size);
    split_ = split_input(input, precision, values_.data(), two ? values_.data() + size : nullptr);
    return split_;
}

}  // namespace alphaprune::linalg
