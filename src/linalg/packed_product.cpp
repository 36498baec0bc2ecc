#include "alphaprune/linalg/packed_product.hpp"

#include <algorithm>
#include <cassert>

#include "bf16_matmul.hpp"
#include "packed_strips.hpp"

namespace alphaprune::linalg {
namespace {

/// Outputs computed at a time: their sums, for some hundreds of tokens, stay in the cache until
/// they are where they belong. oneDNN is fast only where it writes without gaps.
constexpr std::int64_t kOutputsAtATime = 256;

void place_sums(const float* sums, std::int64_t stride, bool add, FloatView out) {
    for (std::int64_t i = 0; i < out.rows; ++i) {
        const float* const from = sums + i * stride;
        float* const to = out.data + i * out.stride;
        if (add) {
            for (std::int64_t j = 0; j < out.cols; ++j) {
                to[j] += from[j];
            }
        } else {
            std::copy(from, from + out.cols, to);
        }
    }
}

/// hi with zeros for what is not finite: an infinity times the second part of a weight, which may
/// be zero, must not become NaN.
const Bf16* finite_values(const SplitInput& input, std::vector<Bf16>& values) {
    constexpr Bf16 kInfinity = 0x7F80U;
    const std::int64_t size =
        rounded_up(input.tokens, kTokenGroup) * rounded_up(input.inputs, kInputGroup);
    values.assign(input.hi, input.hi + size);
    std::ranges::replace_if(
        values, [](Bf16 x) { return (x & kInfinity) == kInfinity; }, Bf16{0});
    return values.data();
}

}  // namespace

void packed_product(const SplitInput& input, const PackedWeights& weights,
                    std::int64_t first_output, bool add, FloatView out, ProductScratch& scratch) {
    assert(input.inputs == weights.shape.inputs && input.tokens == out.rows);
    assert(first_output % kStripOutputs == 0);
    assert(first_output + out.cols <= weights.shape.outputs && out.stride >= out.cols);
    assert(weights.bytes.size() == packed_bytes(weights.shape));
    if (out.rows == 0 || out.cols == 0) {
        return;
    }
    const auto* const pairs = reinterpret_cast<const Bf16Pair*>(weights.bytes.data());
    Bf16Shape shape{rounded_up(out.rows, kTokenGroup), 0, rounded_up(input.inputs, kInputGroup)};
    for (std::int64_t first = 0; first < out.cols; first += kOutputsAtATime) {
        const std::int64_t width = std::min(kOutputsAtATime, out.cols - first);
        shape.outputs = rounded_up(width, kStripOutputs);
        const auto size = static_cast<std::size_t>(shape.tokens * shape.outputs);
        scratch.sums.resize(std::max(scratch.sums.size(), size));
        const StripPlaces at = places_of(weights.shape, first_output + first);
        bool started = false;
        const auto sum_up = [&](const Bf16* values, std::int64_t strips) {
            bf16_matmul(shape, values, pairs + strips, started, scratch.sums.data(),
                        scratch.library);
            started = true;
        };
        if (input.precision == ForwardPrecision::bf16x2) {  // the small ones first
            if (at.lo >= 0) {
                sum_up(input.is_finite ? input.hi : finite_values(input, scratch.finite), at.lo);
            }
            sum_up(input.lo, at.hi);
        }
        sum_up(input.hi, at.hi);
        place_sums(scratch.sums.data(), shape.outputs, add,
                   {out.data + first, out.rows, width, out.stride});
    }
}

}  // namespace alphaprune::linalg
