#include "block_pass.hpp"

#include <algorithm>
#include <cassert>

#include "attention.hpp"
#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

/// The MLP works on so many tokens at a time, to find its values still in the cache.
constexpr std::int64_t kMlpTile = 256;

std::int64_t tile_of(std::int64_t tokens) {
    return std::min(tokens, kMlpTile);
}

std::int64_t sublayer_scratch(const model::BlockDescription& block, const model::Sublayer& sublayer,
                              std::int64_t tokens) {
    const auto rows = [&](int layer) { return block.layers[static_cast<std::size_t>(layer)].rows; };
    if (const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body)) {
        return 2 * whole_lines(tokens * rows(attention->query)) +
               whole_lines(tokens * rows(attention->key)) +
               whole_lines(tokens * rows(attention->value)) + attention_scratch();
    }
    const std::int64_t inner = rows(std::get<model::MlpLayer>(sublayer.body).up);
    return whole_lines(tokens * inner) + whole_lines(tile_of(tokens) * inner);
}

}  // namespace

bool rotates(const model::BlockDescription& block) {
    return std::ranges::any_of(block.sublayers, [](const model::Sublayer& sublayer) {
        const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body);
        return attention != nullptr && attention->rotary;
    });
}

std::int64_t block_scratch(const model::BlockDescription& block, std::int64_t hidden_size,
                           std::int64_t tokens) {
    std::int64_t most = 0;
    for (const model::Sublayer& sublayer : block.sublayers) {
        most = std::max(most, sublayer_scratch(block, sublayer, tokens));
    }
    return whole_lines(tokens * hidden_size) + most;
}

BlockPass::BlockPass(const BlockPlan& plan, const SharedWeights& weights, const RotaryTable& rotary,
                     std::int64_t tokens, std::span<float> scratch, const InputObserver& observe)
    : block_(plan.description),
      weights_(weights, plan.tensors),
      rotary_(rotary),
      tokens_(tokens),
      scratch_(scratch),
      observe_(observe) {}

void BlockPass::run(std::span<float> hidden) {
    ScratchCutter scratch(scratch_);
    const auto normed = scratch.cut(static_cast<std::int64_t>(hidden.size()));
    scratch_ = scratch.rest();
    for (const model::Sublayer& sublayer : block_.sublayers) {
        std::span<const float> input = hidden;
        if (sublayer.norm_before) {
            weights_.run(*sublayer.norm_before, hidden, normed);
            input = normed;
        }
        if (const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body)) {
            add_attention(*attention, input, hidden);
        } else {
            add_mlp(std::get<model::MlpLayer>(sublayer.body), input, hidden);
        }
        if (sublayer.norm_after) {
            weights_.run(*sublayer.norm_after, hidden, hidden);
        }
    }
}

void BlockPass::add_attention(const model::AttentionLayer& attention, std::span<const float> input,
                              std::span<float> hidden) {
    ScratchCutter scratch(scratch_);
    const auto query = scratch.cut(tokens_ * layer(attention.query).rows);
    const auto key = scratch.cut(tokens_ * layer(attention.key).rows);
    const auto value = scratch.cut(tokens_ * layer(attention.value).rows);
    const auto attended = scratch.cut(tokens_ * layer(attention.query).rows);

    show(input);
    weights_.run(layer(attention.query), input, query);
    weights_.run(layer(attention.key), input, key);
    weights_.run(layer(attention.value), input, value);
    if (attention.rotary) {
        rotary_.apply(query, tokens_, attention.shape.heads);
        rotary_.apply(key, tokens_, attention.shape.key_value_heads);
    }
    attend(attention.shape, {query, key, value, attended}, tokens_,
           scratch.cut(attention_scratch()));

    show(attended);
    weights_.run(layer(attention.output), attended, hidden, true);
}

void BlockPass::add_mlp(const model::MlpLayer& mlp, std::span<const float> input,
                        std::span<float> hidden) {
    ScratchCutter scratch(scratch_);
    const auto inner = scratch.cut(tokens_ * layer(mlp.up).rows);
    const auto tile = scratch.cut(tile_of(tokens_) * layer(mlp.up).rows);

    show(input);
    fill_inner(mlp, input, inner, tile);
    show(inner);
    weights_.run(layer(mlp.down), inner, hidden, true);
}

void BlockPass::fill_inner(const model::MlpLayer& mlp, std::span<const float> input,
                           std::span<float> inner, std::span<float> tile) const {
    const Activation activate = activation_named(mlp.activation);
    const auto narrow = static_cast<std::size_t>(layer(mlp.up).cols);
    const auto wide = static_cast<std::size_t>(layer(mlp.up).rows);
    for (std::int64_t begin = 0; begin < tokens_; begin += kMlpTile) {
        const auto first = static_cast<std::size_t>(begin);
        const auto count = static_cast<std::size_t>(std::min(kMlpTile, tokens_ - begin));
        const auto in = input.subspan(first * narrow, count * narrow);
        const auto out = inner.subspan(first * wide, count * wide);
        weights_.run(layer(mlp.gate < 0 ? mlp.up : mlp.gate), in, out);
        activate(out);
        if (mlp.gate >= 0) {
            const auto up = tile.first(count * wide);
            weights_.run(layer(mlp.up), in, up);
            multiply(out, up);
        }
    }
}

void BlockPass::show(std::span<const float> input) {
    if (observe_) {
        observe_(site_, input, tokens_);
    }
    ++site_;
}

}  // namespace alphaprune::transformer
