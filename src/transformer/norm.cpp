#include "norm.hpp"

#include <cassert>
#include <cmath>

#include "vector_math.hpp"

namespace alphaprune::transformer {

void apply_norm(NormKind kind, const NormValues& norm, double epsilon, std::int64_t width,
                std::span<const float> values, std::span<float> out) {
    assert(values.size() == out.size());
    const auto count = static_cast<std::size_t>(width);
    const auto size = static_cast<double>(width);
    for (std::size_t at = 0; at < values.size(); at += count) {
        const auto row = values.subspan(at, count);
        const float shift = kind == NormKind::layer ? static_cast<float>(sum(row) / size) : 0.0F;
        const double variance = sum_of_squares(row, shift) / size;
        const auto factor = static_cast<float>(1.0 / std::sqrt(variance + epsilon));
        scale_and_shift(row, shift, factor, norm.weights, norm.biases, out.subspan(at, count));
    }
}

}  // namespace alphaprune::transformer
