#include "mlp_pass.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

/// An MLP works on so many tokens at a time, to find its values still in the cache.
constexpr std::int64_t kMlpTile = 256;

const model::LinearLayer& layer_of(const model::BlockDescription& block, int layer) {
    return block.layers[static_cast<std::size_t>(layer)];
}

std::int64_t tokens_in(std::span<const float> values, std::int64_t width) {
    return static_cast<std::int64_t>(values.size()) / width;
}

}  // namespace

std::int64_t mlp_scratch(const model::BlockDescription& block, const model::MlpLayer& mlp,
                         std::int64_t tokens) {
    const std::int64_t inner = layer_of(block, mlp.up).rows;
    return whole_lines(tokens * inner) + whole_lines(std::min(tokens, kMlpTile) * inner);
}

std::span<const float> mlp_inner(const LayerWeights& weights, const model::BlockDescription& block,
                                 const model::MlpLayer& mlp, std::span<const float> input,
                                 ScratchCutter scratch) {
    const model::LinearLayer& up_layer = layer_of(block, mlp.up);
    const std::int64_t tokens = tokens_in(input, up_layer.cols);
    const auto inner = scratch.cut(tokens * up_layer.rows);
    const auto tile = scratch.cut(std::min(tokens, kMlpTile) * up_layer.rows);
    const Activation activate = activation_named(mlp.activation);
    const auto narrow = static_cast<std::size_t>(up_layer.cols);
    const auto wide = static_cast<std::size_t>(up_layer.rows);
    for (std::int64_t begin = 0; begin < tokens; begin += kMlpTile) {
        const auto first = static_cast<std::size_t>(begin);
        const auto count = static_cast<std::size_t>(std::min(kMlpTile, tokens - begin));
        const auto in = input.subspan(first * narrow, count * narrow);
        const auto out = inner.subspan(first * wide, count * wide);
        weights.run(layer_of(block, mlp.gate < 0 ? mlp.up : mlp.gate), in, out);
        if (!mlp.clamped) {
            activate(out);
        }
        if (mlp.gate >= 0) {
            const auto up = tile.first(count * wide);
            weights.run(up_layer, in, up);
            mlp.clamped ? clamped_gate(*mlp.clamped, out, up) : multiply(out, up);
        }
    }
    return inner;
}

std::int64_t ExpertsPass::scratch(const model::BlockDescription& block,
                                  const model::ExpertsLayer& experts, std::int64_t tokens) {
    std::int64_t most = mlp_scratch(block, experts.experts.front(), tokens);
    if (experts.shared) {
        most = std::max(most, mlp_scratch(block, *experts.shared, tokens));
    }
    const std::int64_t hidden = layer_of(block, experts.router).cols;
    return 3 * whole_lines(tokens * hidden) + whole_lines(tokens) +
           std::max(most, whole_lines(tokens * layer_of(block, experts.router).rows));
}

ExpertsPass::ExpertsPass(const LayerWeights& weights, const model::BlockDescription& block,
                         const model::ExpertsLayer& experts, std::span<const float> input,
                         ScratchCutter scratch)
    : weights_(weights),
      block_(block),
      experts_(experts),
      input_(input),
      hidden_(layer_of(block, experts.router).cols),
      all_(static_cast<std::size_t>(tokens_in(input, hidden_))),
      gathered_(scratch.cut(static_cast<std::int64_t>(input.size()))),
      out_(scratch.cut(static_cast<std::int64_t>(input.size()))),
      mixed_(scratch.cut(static_cast<std::int64_t>(input.size()))),
      gate_(scratch.cut(tokens_in(input, hidden_))),
      rest_(scratch) {
    std::iota(all_.begin(), all_.end(), 0);
    const model::LinearLayer& router = layer_of(block, experts.router);
    const auto logits = scratch.cut(tokens_in(input, hidden_) * router.rows);
    weights.run(router, input, logits);
    routed_ =
        route(experts.routing, router.rows, logits, weights.values(experts.routing.choice_bias));
}

std::span<const std::int32_t> ExpertsPass::tokens(int expert) const {
    return expert < 0 ? all_ : routed_[static_cast<std::size_t>(expert)].tokens;
}

std::span<const float> ExpertsPass::input(int expert) {
    if (expert < 0) {
        return input_;
    }
    const auto wide = static_cast<std::size_t>(hidden_);
    const std::span<const std::int32_t> tokens = this->tokens(expert);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        std::ranges::copy(input_.subspan(static_cast<std::size_t>(tokens[i]) * wide, wide),
                          gathered_.begin() + static_cast<std::ptrdiff_t>(i * wide));
    }
    return gathered_.first(tokens.size() * wide);
}

std::span<const float> ExpertsPass::inner(int expert) {
    const model::MlpLayer& mlp =
        expert < 0 ? *experts_.shared : experts_.experts[static_cast<std::size_t>(expert)];
    return mlp_inner(weights_, block_, mlp, input(expert), rest_);
}

std::span<const float> ExpertsPass::mix(const Show& show) {
    std::ranges::fill(mixed_, 0.0F);
    const auto pass = [&](int expert) {
        if (show) {
            show(expert, input(expert));
        }
        const auto values = inner(expert);
        if (show) {
            show(expert, values);
        }
        expert < 0 ? add_shared(values) : add_expert(expert, values);
    };
    for (int expert = 0; expert < static_cast<int>(routed_.size()); ++expert) {
        pass(expert);
    }
    if (experts_.shared) {
        pass(-1);
    }
    return mixed_;
}

void ExpertsPass::add_expert(int expert, std::span<const float> inner) {
    const RoutedTokens& routed = routed_[static_cast<std::size_t>(expert)];
    if (routed.tokens.empty()) {
        return;
    }
    const model::MlpLayer& mlp = experts_.experts[static_cast<std::size_t>(expert)];
    const auto wide = static_cast<std::size_t>(hidden_);
    const auto out = out_.first(routed.tokens.size() * wide);
    weights_.run(layer_of(block_, mlp.down), inner, out);
    for (std::size_t i = 0; i < routed.tokens.size(); ++i) {
        const auto row = out.subspan(i * wide, wide);
        scale(row, routed.weights[i]);
        add(mixed_.subspan(static_cast<std::size_t>(routed.tokens[i]) * wide, wide), row);
    }
}

void ExpertsPass::add_shared(std::span<const float> inner) {
    weights_.run(layer_of(block_, experts_.shared->down), inner, out_);
    if (experts_.shared_gate >= 0) {
        weights_.run(layer_of(block_, experts_.shared_gate), input_, gate_);
        const auto wide = static_cast<std::size_t>(hidden_);
        for (std::size_t token = 0; token < gate_.size(); ++token) {
            scale(out_.subspan(token * wide, wide), 1.0F / (1.0F + std::exp(-gate_[token])));
        }
    }
    add(mixed_, out_);
}

}  // namespace alphaprune::transformer
