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

std::vector<model::RotaryLayer> rotations(std::span<const BlockPlan> blocks) {
    std::vector<model::RotaryLayer> found;
    for (const BlockPlan& block : blocks) {
        for (const model::Sublayer& sublayer : block.description.sublayers) {
            const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body);
            if (attention != nullptr && attention->rotary &&
                std::ranges::find(found, *attention->rotary) == found.end()) {
                found.push_back(*attention->rotary);
            }
        }
    }
    return found;
}

std::int64_t block_scratch(const model::BlockDescription& block, std::int64_t hidden_size,
                           std::int64_t tokens) {
    std::int64_t most = 0;
    std::int64_t group = 0;
    for (const model::Sublayer& sublayer : block.sublayers) {
        group = (sublayer.parallel ? group : 0) + sublayer_scratch(block, sublayer, tokens);
        most = std::max(most, group);
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

BlockPass::BlockPass(const BlockPlan& plan, const SharedWeights& weights,
                     const RotaryTables& rotary, std::int64_t hidden_size, std::int64_t tokens,
                     std::span<float> scratch, const InputObserver& observe)
    : block_(plan.description),
      weights_(weights, plan.tensors),
      rotary_(rotary),
      tokens_(tokens),
      hidden_size_(hidden_size),
      scratch_(scratch),
      observe_(observe) {}

void BlockPass::run(std::span<float> hidden) {
    for (std::size_t group = 0; group < block_.sublayers.size(); group = group_end(group)) {
        Inners inners;
        for (std::size_t s = group; s < group_end(group); ++s) {
            inners.push_back(show_sublayer(s, hidden));
        }
        add_outputs(group, inners, hidden);
    }
}

void BlockPass::run_to_last_site(std::span<float> hidden) {
    const std::size_t last = group_begin(block_.sublayers.size() - 1);
    for (std::size_t group = 0; group <= last; group = group_end(group)) {
        Inners inners;
        for (std::size_t s = group; s < group_end(group); ++s) {
            inners.push_back(show_sublayer(s, hidden));
        }
        if (group < last) {
            add_outputs(group, inners, hidden);
        }
    }
}

void BlockPass::step(std::size_t site, std::span<float> hidden, std::span<float> kept) {
    const std::size_t sublayer = site / 2;
    if (site % 2 == 1) {
        show(site, inner_of(sublayer, input_of(sublayer, hidden), kept), hidden);
        return;
    }
    if (sublayer > 0 && !block_.sublayers[sublayer].parallel) {
        leave_group(group_begin(sublayer - 1), hidden, kept);
    }
    show(site, input_of(sublayer, hidden), hidden);
}

void BlockPass::leave(std::span<float> hidden, std::span<const float> kept) {
    leave_group(group_begin(block_.sublayers.size() - 1), hidden, kept);
}

void BlockPass::step_and_leave(std::span<float> hidden, std::span<const float> kept) {
    const std::size_t last = block_.sublayers.size() - 1;
    const auto inner = inner_of(last, input_of(last, hidden), {});
    show(2 * last + 1, inner, hidden);
    const std::size_t group = group_begin(last);
    Inners inners;
    for (std::size_t s = group; s < last; ++s) {
        inners.push_back(
            kept_inner(std::get<model::AttentionLayer>(block_.sublayers[s].body), kept));
    }
    inners.push_back(inner);
    add_outputs(group, inners, hidden);
}

std::span<const float> BlockPass::show_sublayer(std::size_t number, std::span<float> hidden) {
    const auto input = input_of(number, hidden);
    show(2 * number, input, hidden);
    const auto inner = inner_of(number, input, {});
    show(2 * number + 1, inner, hidden);
    return inner;
}

std::size_t BlockPass::group_begin(std::size_t sublayer) const {
    while (block_.sublayers[sublayer].parallel) {
        --sublayer;
    }
    return sublayer;
}

std::size_t BlockPass::group_end(std::size_t sublayer) const {
    ++sublayer;
    while (sublayer < block_.sublayers.size() && block_.sublayers[sublayer].parallel) {
        ++sublayer;
    }
    return sublayer;
}

void BlockPass::add_outputs(std::size_t group, const Inners& inners, std::span<float> hidden) {
    for (std::size_t i = 0; i < inners.size(); ++i) {
        add_output(block_.sublayers[group + i], inners[i], hidden);
    }
}

void BlockPass::leave_group(std::size_t group, std::span<float> hidden,
                            std::span<const float> kept) {
    Inners inners;
    for (std::size_t s = group; s < group_end(group); ++s) {
        const auto* attention = std::get_if<model::AttentionLayer>(&block_.sublayers[s].body);
        inners.push_back(attention != nullptr ? kept_inner(*attention, kept)
                                              : inner_of(s, input_of(s, hidden), {}));
    }
    add_outputs(group, inners, hidden);
}

std::span<const float> BlockPass::kept_inner(const model::AttentionLayer& attention,
                                             std::span<const float> kept) const {
    return kept.first(static_cast<std::size_t>(tokens_ * layer(attention.output).cols));
}

std::span<const float> BlockPass::input_of(std::size_t sublayer, std::span<float> hidden) {
    const auto& norm = block_.sublayers[sublayer].norm_before;
    if (!norm) {
        return hidden;
    }
    const auto normed = scratch_.first(hidden.size());
    weights_.run(*norm, hidden, normed);
    return normed;
}

std::span<const float> BlockPass::inner_of(std::size_t sublayer, std::span<const float> input,
                                           std::span<float> kept) {
    const auto& body = block_.sublayers[sublayer].body;
    const ScratchCutter scratch = scratch_of(sublayer);
    if (const auto* attention = std::get_if<model::AttentionLayer>(&body)) {
        return attended(*attention, input, scratch, kept);
    }
    return activated(std::get<model::MlpLayer>(body), input, scratch);
}

void BlockPass::add_output(const model::Sublayer& sublayer, std::span<const float> inner,
                           std::span<float> hidden) {
    const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body);
    const int last =
        attention != nullptr ? attention->output : std::get<model::MlpLayer>(sublayer.body).down;
    if (sublayer.norm_output || sublayer.multiplier != 1) {
        const auto output = scratch_.first(hidden.size());  // nobody needs the normed input now
        weights_.run(layer(last), inner, output);
        if (sublayer.norm_output) {
            weights_.run(*sublayer.norm_output, output, output);
        }
        scale(output, static_cast<float>(sublayer.multiplier));
        add(hidden, output);
    } else {
        weights_.run(layer(last), inner, hidden, true);
    }
    if (sublayer.norm_after) {
        weights_.run(*sublayer.norm_after, hidden, hidden);
    }
}

std::span<float> BlockPass::attended(const model::AttentionLayer& attention,
                                     std::span<const float> input, ScratchCutter scratch,
                                     std::span<float> kept) {
    const auto query = scratch.cut(tokens_ * layer(attention.query).rows);
    const auto key = scratch.cut(tokens_ * layer(attention.key).rows);
    const auto value = scratch.cut(tokens_ * layer(attention.value).rows);
    const auto result = scratch.cut(tokens_ * layer(attention.query).rows);

    weights_.run(layer(attention.query), input, query);
    weights_.run(layer(attention.key), input, key);
    weights_.run(layer(attention.value), input, value);
    if (attention.query_norm) {
        weights_.run(*attention.query_norm, query, query);
    }
    if (attention.key_norm) {
        weights_.run(*attention.key_norm, key, key);
    }
    if (attention.rotary) {
        const RotaryTable& table = rotary_.of(*attention.rotary);
        table.apply(query, tokens_, attention.shape.heads);
        table.apply(key, tokens_, attention.shape.key_value_heads);
    }
    attend(attention.shape, {query, key, value, result}, tokens_, scratch.cut(attention_scratch()));
    if (!kept.empty()) {
        std::ranges::copy(result, kept.begin());
    }
    return result;
}

std::span<float> BlockPass::activated(const model::MlpLayer& mlp, std::span<const float> input,
                                      ScratchCutter scratch) {
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

ScratchCutter BlockPass::scratch_of(std::size_t sublayer) const {
    ScratchCutter scratch(scratch_);
    scratch.cut(tokens_ * hidden_size_);
    for (std::size_t s = group_begin(sublayer); s < sublayer; ++s) {
        scratch.cut(sublayer_scratch(block_, block_.sublayers[s], tokens_));
    }
    return scratch;
}

void BlockPass::show(std::size_t site, std::span<const float> input,
                     std::span<const float> hidden) const {
    if (observe_) {
        observe_({site, input, hidden, tokens_});
    }
}

}  // namespace alphaprune::transformer
