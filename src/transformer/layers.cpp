#include "layers.hpp"

#include <cassert>
#include <cmath>

#include "alphaprune/support/stop.hpp"
#include "vector_math.hpp"

namespace alphaprune::transformer {

void apply_norm(const model::NormLayer& norm, const NormValues& learned,
                std::span<const float> values, std::span<float> out) {
    assert(values.size() == out.size());
    const auto count = static_cast<std::size_t>(norm.width);
    const auto size = static_cast<double>(norm.width);
    for (std::size_t at = 0; at < values.size(); at += count) {
        const auto row = values.subspan(at, count);
        const float shift =
            norm.kind == model::NormKind::layer ? static_cast<float>(sum(row) / size) : 0.0F;
        const double variance = sum_of_squares(row, shift) / size;
        const auto factor = static_cast<float>(1.0 / std::sqrt(variance + norm.epsilon));
        scale_and_shift(row, shift, factor, learned.weights, learned.biases,
                        out.subspan(at, count));
    }
}

std::span<const float> LayerWeights::values(int described) const {
    return described < 0 ? std::span<const float>{}
                         : weights_.values(tensors_[static_cast<std::size_t>(described)]);
}

void LayerWeights::run(const model::NormLayer& norm, std::span<const float> values,
                       std::span<float> out) const {
    apply_norm(norm, {this->values(norm.weight), this->values(norm.bias)}, values, out);
}

void LayerWeights::run(const model::LinearLayer& layer, std::span<const float> input,
                       std::span<float> out, bool add_to_it) const {
    support::check_stop();
    const std::int64_t rows = layer.rows;
    const std::int64_t cols = layer.cols;
    const std::int64_t tokens = static_cast<std::int64_t>(input.size()) / cols;
    assert(out.size() == static_cast<std::size_t>(tokens * rows));
    const std::int64_t stored_cols = layer.transposed ? rows : cols;
    const std::int64_t stored_rows = layer.transposed ? cols : rows;
    const float* const weights = values(layer.weight).data() + layer.first_row * stored_cols;
    linalg::sgemm(1, {input.data(), tokens, cols, cols},
                  {weights, stored_rows, stored_cols, stored_cols},
                  layer.transposed ? linalg::Transpose::no : linalg::Transpose::yes,
                  add_to_it ? 1.0F : 0.0F, {out.data(), tokens, rows, rows});
    if (layer.bias >= 0) {
        const auto bias = values(layer.bias)
                              .subspan(static_cast<std::size_t>(layer.first_bias),
                                       static_cast<std::size_t>(rows));
        for (std::size_t at = 0; at < out.size(); at += bias.size()) {
            add(out.subspan(at, bias.size()), bias);
        }
    }
}

}  // namespace alphaprune::transformer
