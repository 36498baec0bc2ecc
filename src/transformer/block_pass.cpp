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

std::int64_t kept_width(const model::BlockDescription& block) {
    std::int64_t most = 0;
    for (const model::Sublayer& sublayer : block.sublayers) {
        if (const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body)) {
            most = std::max(most, block.layers[static_cast<std::size_t>(attention->output)].cols);
        }
    }
    return most;
}

BlockPass::BlockPass(const BlockPlan& plan, const SharedWeights& weights, const RotaryTable& rotary,
                     std::int64_t hidden_size, std::int64_t tokens, std::span<float> scratch,
                     const InputObserver& observe)
    : block_(plan.description),
      weights_(weights, plan.tensors),
      rotary_(rotary),
      tokens_(tokens),
      hidden_size_(hidden_size),
      scratch_(scratch),
      observe_(observe) {}

void BlockPass::run(std::span<float> hidden) {
    for (std::size_t s = 0; s < block_.sublayers.size(); ++s) {
        add_output(block_.sublayers[s], show_sublayer(s, hidden), hidden);
    }
}

void BlockPass::run_to_last_site(std::span<float> hidden) {
    const std::size_t last = block_.sublayers.size() - 1;
    for (std::size_t s = 0; s < last; ++s) {
        add_output(block_.sublayers[s], show_sublayer(s, hidden), hidden);
    }
    show_sublayer(last, hidden);
}

void BlockPass::step(std::size_t site, std::span<float> hidden, std::span<float> kept) {
    const std::size_t number = site / 2;
    const model::Sublayer& sublayer = block_.sublayers[number];
    if (site % 2 == 1) {
        show(site, inner_of(sublayer, input_of(sublayer, hidden), kept), hidden);
        return;
    }
    if (number > 0) {
        leave_sublayer(block_.sublayers[number - 1], hidden, kept);
    }
    show(site, input_of(sublayer, hidden), hidden);
}

void BlockPass::leave(std::span<float> hidden, std::span<const float> kept) {
    leave_sublayer(block_.sublayers.back(), hidden, kept);
}

void BlockPass::step_and_leave(std::span<float> hidden) {
    const model::Sublayer& sublayer = block_.sublayers.back();
    const auto inner = inner_of(sublayer, input_of(sublayer, hidden), {});
    show(2 * block_.sublayers.size() - 1, inner, hidden);
    add_output(sublayer, inner, hidden);
}

std::span<const float> BlockPass::show_sublayer(std::size_t number, std::span<float> hidden) {
    const model::Sublayer& sublayer = block_.sublayers[number];
    const auto input = input_of(sublayer, hidden);
    show(2 * number, input, hidden);
    const auto inner = inner_of(sublayer, input, {});
    show(2 * number + 1, inner, hidden);
    return inner;
}

/// What an attention has brought together was kept; the inner values of an MLP, which are wider,
/// are computed again.
void BlockPass::leave_sublayer(const model::Sublayer& sublayer, std::span<float> hidden,
                               std::span<const float> kept) {
    if (const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body)) {
        const auto width = static_cast<std::size_t>(layer(attention->output).cols);
        add_output(sublayer, kept.first(static_cast<std::size_t>(tokens_) * width), hidden);
    } else {
        add_output(sublayer, inner_of(sublayer, input_of(sublayer, hidden), {}), hidden);
    }
}

std::span<const float> BlockPass::input_of(const model::Sublayer& sublayer,
                                           std::span<float> hidden) {
    if (!sublayer.norm_before) {
        return hidden;
    }
    const auto normed = scratch_.first(hidden.size());
    weights_.run(*sublayer.norm_before, hidden, normed);
    return normed;
}

std::span<const float> BlockPass::inner_of(const model::Sublayer& sublayer,
                                           std::span<const float> input, std::span<float> kept) {
    if (const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body)) {
        return attended(*attention, input, kept);
    }
    return activated(std::get<model::MlpLayer>(sublayer.body), input);
}

void BlockPass::add_output(const model::Sublayer& sublayer, std::span<const float> inner,
                           std::span<float> hidden) {
    const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body);
    const int last =
        attention != nullptr ? attention->output : std::get<model::MlpLayer>(sublayer.body).down;
    weights_.run(layer(last), inner, hidden, true);
    if (sublayer.norm_after) {
        weights_.run(*sublayer.norm_after, hidden, hidden);
    }
}

std::span<float> BlockPass::attended(const model::AttentionLayer& attention,
                                     std::span<const float> input, std::span<float> kept) {
    ScratchCutter scratch = behind_normed();
    const auto query = scratch.cut(tokens_ * layer(attention.query).rows);
    const auto key = scratch.cut(tokens_ * layer(attention.key).rows);
    const auto value = scratch.cut(tokens_ * layer(attention.value).rows);
    const auto result = scratch.cut(tokens_ * layer(attention.query).rows);

    weights_.run(layer(attention.query), input, query);
    weights_.run(layer(attention.key), input, key);
    weights_.run(layer(attention.value), input, value);
    if (attention.rotary) {
        rotary_.apply(query, tokens_, attention.shape.heads);
        rotary_.apply(key, tokens_, attention.shape.key_value_heads);
    }
    attend(attention.shape, {query, key, value, result}, tokens_, scratch.cut(attention_scratch()));
    if (!kept.empty()) {
        std::ranges::copy(result, kept.begin());
    }
    return result;
}

std::span<float> BlockPass::activated(const model::MlpLayer& mlp, std::span<const float> input) {
    ScratchCutter scratch = behind_normed();
    const auto inner = scratch.cut(tokens_ * layer(mlp.up).rows);
    const auto tile = scratch.cut(tile_of(tokens_) * layer(mlp.up).rows);
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
    return inner;
}

ScratchCutter BlockPass::behind_normed() const {
    ScratchCutter scratch(scratch_);
    scratch.cut(tokens_ * hidden_size_);
    return scratch;
}

void BlockPass::show(std::size_t site, std::span<const float> input,
                     std::span<const float> hidden) const {
    if (observe_) {
        observe_({site, input, hidden, tokens_});
    }
}

}  // namespace alphaprune::transformer
