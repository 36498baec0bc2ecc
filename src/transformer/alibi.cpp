#include "alibi.hpp"

#include <bit>
#include <cassert>
#include <cmath>

#include "alphaprune/support/scalar.hpp"

namespace alphaprune::transformer {
namespace {

float in_bfloat16(float value) {
    return support::bfloat16_to_float(support::float_to_bfloat16(value));
}

/// Of `heads`, a power of two. @param number  from 1 on
float usual_slope(std::int64_t number, std::int64_t heads) {
    const auto first = static_cast<float>(std::exp2(-8.0 / static_cast<double>(heads)));
    return static_cast<float>(std::pow(static_cast<double>(first), static_cast<double>(number)));
}

}  // namespace

float alibi_slope(std::int64_t head, std::int64_t heads) {
    const auto below = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(heads)));
    return in_bfloat16(head < below ? usual_slope(head + 1, below)
                                    : usual_slope(2 * (head - below) + 1, 2 * below));
}

void alibi_biases(float slope, parallel::RowRange positions, std::span<float> out) {
    assert(static_cast<std::int64_t>(out.size()) == positions.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto position = static_cast<float>(positions.begin + static_cast<std::int64_t>(i));
        out[i] = in_bfloat16(slope * in_bfloat16(position));
    }
}

}  // namespace alphaprune::transformer
