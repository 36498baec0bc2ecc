#include "block_pass.hpp"

#include <cassert>

namespace alphaprune::transformer {
namespace {

using Part = SitePlace::Part;

}  // namespace

BlockPass::BlockPass(const BlockPlan& plan, BlockMath& math, std::int64_t hidden_size,
                     std::int64_t tokens, std::span<float> scratch, const InputObserver& observe)
    : block_(plan.description),
      sites_(plan.sites),
      math_(math),
      tokens_(tokens),
      hidden_size_(hidden_size),
      scratch_(scratch),
      observe_(observe) {}

void BlockPass::run(std::span<float> hidden) {
    for (std::size_t group = 0; group < block_.sublayers.size(); group = group_end(group)) {
        Inners waiting = show_group(group, hidden);
        add_outputs(group_end(group), waiting, hidden);
    }
}

void BlockPass::run_to_last_site(std::span<float> hidden) {
    const std::size_t last = group_begin(block_.sublayers.size() - 1);
    for (std::size_t group = 0; group < last; group = group_end(group)) {
        Inners waiting = show_group(group, hidden);
        add_outputs(group_end(group), waiting, hidden);
    }
    show_group(last, hidden);
}

void BlockPass::step(std::size_t site, std::span<float> hidden, std::span<float> kept) {
    const SitePlace& place = sites_[site];
    const std::size_t sublayer = place.sublayer;
    const bool enters = site == 0 || sites_[site - 1].sublayer != sublayer;
    if (enters && sublayer > 0 && !block_.sublayers[sublayer].parallel) {
        leave_group(group_begin(sublayer - 1), hidden, kept);
    }
    const auto input = input_of(sublayer, hidden);
    if (const auto* experts = std::get_if<model::ExpertsLayer>(&block_.sublayers[sublayer].body)) {
        ExpertsPass pass(math_, block_, *experts, input, scratch_of(sublayer));
        show_expert(site, pass.tokens(place.expert),
                    place.part == Part::first ? pass.input(place.expert) : pass.inner(place.expert),
                    hidden, input);
    } else if (place.part == Part::query_latent) {
        show(site, latent_pass(sublayer, input).query_latent(), hidden);
    } else if (place.part == Part::key_value_latent) {
        show(site, latent_pass(sublayer, input).key_value_latent(), hidden);
    } else if (place.part == Part::first) {
        show(site, input, hidden);
    } else {
        const auto inner = inner_of(sublayer, input, kept);
        show(site, inner,
             block_.sublayers[sublayer].parallel ? residual_of(sublayer, hidden, kept) : hidden);
    }
}

void BlockPass::leave(std::span<float> hidden, std::span<const float> kept) {
    leave_group(group_begin(block_.sublayers.size() - 1), hidden, kept);
}

void BlockPass::step_and_leave(std::span<float> hidden, std::span<const float> kept) {
    const std::size_t last = block_.sublayers.size() - 1;
    const std::size_t group = group_begin(last);
    Inners waiting;
    for (std::size_t s = group; s < last; ++s) {
        waiting.push_back(kept_inner(s, kept));
    }
    show_sublayer(last, hidden, waiting, sites_.size() - 1);
    add_outputs(last + 1, waiting, hidden);
}

void BlockPass::show_sublayer(std::size_t number, std::span<float> hidden, Inners& waiting,
                              std::size_t first_shown) {
    const auto input = input_of(number, hidden);
    std::size_t site = 0;
    while (sites_[site].sublayer < number) {
        ++site;
    }
    if (const auto* experts = std::get_if<model::ExpertsLayer>(&block_.sublayers[number].body)) {
        ExpertsPass pass(math_, block_, *experts, input, scratch_of(number));
        waiting.push_back(pass.mix([&](int expert, std::span<const float> values) {
            if (site >= first_shown) {
                show_expert(site, pass.tokens(expert), values, hidden, input);
            }
            ++site;
        }));
        return;
    }
    if (site >= first_shown) {
        show(site, input, hidden);
    }
    const auto* latent = std::get_if<model::LatentAttentionLayer>(&block_.sublayers[number].body);
    if (latent != nullptr) {
        LatentAttentionPass pass = latent_pass(number, input);
        const auto query = pass.query_latent();
        if (latent->query_down >= 0) {
            show(++site, query, hidden);
        }
        show(++site, pass.key_value_latent(), hidden);
        const auto inner = pass.attended();
        show(++site, inner, hidden);
        waiting.push_back(inner);
        return;
    }
    const auto inner = inner_of(number, input, {});
    add_outputs(number, waiting, hidden);  // of those beside it: nobody needs hidden before that
    show(site + 1, inner, hidden);
    waiting.push_back(inner);
}

std::span<const float> BlockPass::residual_of(std::size_t sublayer, std::span<const float> hidden,
                                              std::span<const float> kept) {
    const auto residual = scratch_.first(hidden.size());  // nobody needs the normed input now
    math_.copy(hidden, residual);
    for (std::size_t s = group_begin(sublayer); s < sublayer; ++s) {
        assert(!block_.sublayers[s].norm_output && block_.sublayers[s].multiplier == 1);
        math_.multiply(
            {layer(last_layer(block_.sublayers[s].body)), kept_inner(s, kept), residual, true});
    }
    return residual;
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

BlockPass::Inners BlockPass::show_group(std::size_t group, std::span<float> hidden) {
    Inners waiting;
    for (std::size_t s = group; s < group_end(group); ++s) {
        show_sublayer(s, hidden, waiting);
    }
    return waiting;
}

void BlockPass::add_outputs(std::size_t end, Inners& waiting, std::span<float> hidden) {
    const std::size_t begin = end - waiting.size();
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        add_output(block_.sublayers[begin + i], waiting[i], hidden);
    }
    waiting.clear();
}

void BlockPass::leave_group(std::size_t group, std::span<float> hidden,
                            std::span<const float> kept) {
    Inners waiting;
    for (std::size_t s = group; s < group_end(group); ++s) {
        waiting.push_back(attention_shape_of(block_.sublayers[s].body) != nullptr
                              ? kept_inner(s, kept)
                              : inner_of(s, input_of(s, hidden), {}));
    }
    add_outputs(group_end(group), waiting, hidden);
}

std::span<const float> BlockPass::kept_inner(std::size_t sublayer,
                                             std::span<const float> kept) const {
    const int output = last_layer(block_.sublayers[sublayer].body);
    return kept.first(static_cast<std::size_t>(tokens_ * layer(output).cols));
}

LatentAttentionPass BlockPass::latent_pass(std::size_t sublayer,
                                           std::span<const float> input) const {
    return {math_, block_, std::get<model::LatentAttentionLayer>(block_.sublayers[sublayer].body),
            input, scratch_of(sublayer)};
}

std::span<const float> BlockPass::input_of(std::size_t sublayer, std::span<float> hidden) {
    const auto& norm = block_.sublayers[sublayer].norm_before;
    if (!norm) {
        return hidden;
    }
    const auto normed = scratch_.first(hidden.size());
    math_.norm(*norm, hidden, normed);
    return normed;
}

std::span<const float> BlockPass::inner_of(std::size_t sublayer, std::span<const float> input,
                                           std::span<float> kept) {
    const auto& body = block_.sublayers[sublayer].body;
    const ScratchCutter scratch = scratch_of(sublayer);
    if (const auto* experts = std::get_if<model::ExpertsLayer>(&body)) {
        return ExpertsPass(math_, block_, *experts, input, scratch).mix({});
    }
    if (const auto* mlp = std::get_if<model::MlpLayer>(&body)) {
        return mlp_inner(math_, block_, *mlp, input, scratch);
    }
    std::span<const float> result;
    if (const auto* attention = std::get_if<model::AttentionLayer>(&body)) {
        result = attended(*attention, input, scratch);
    } else {
        LatentAttentionPass pass = latent_pass(sublayer, input);
        pass.query_latent();
        pass.key_value_latent();
        result = pass.attended();
    }
    if (!kept.empty()) {
        math_.copy(result, kept.first(result.size()));
    }
    return result;
}

void BlockPass::add_output(const model::Sublayer& sublayer, std::span<const float> inner,
                           std::span<float> hidden) {
    const int last = last_layer(sublayer.body);
    const bool plain = !sublayer.norm_output && sublayer.multiplier == 1;
    const auto output = scratch_.first(hidden.size());  // nobody needs the normed input now
    if (last >= 0 && plain) {
        math_.multiply({layer(last), inner, hidden, true});
    } else {
        last >= 0 ? math_.multiply({layer(last), inner, output}) : math_.copy(inner, output);
        if (sublayer.norm_output) {
            math_.norm(*sublayer.norm_output, output, output);
        }
        math_.add(hidden, output, sublayer.multiplier);
    }
    if (sublayer.norm_after) {
        math_.norm(*sublayer.norm_after, hidden, hidden);
    }
}

std::span<float> BlockPass::attended(const model::AttentionLayer& attention,
                                     std::span<const float> input, ScratchCutter scratch) {
    const auto query = scratch.cut(tokens_ * layer(attention.query).rows);
    const auto key = scratch.cut(tokens_ * layer(attention.key).rows);
    const auto value = scratch.cut(tokens_ * layer(attention.value).rows);
    const auto result = scratch.cut(tokens_ * layer(attention.query).rows);
    const Product products[]{{layer(attention.query), input, query},
                             {layer(attention.key), input, key},
                             {layer(attention.value), input, value}};
    math_.multiply(products);
    place_heads(attention, query, key);
    math_.attend({attention.shape, tokens_, query, key, value, result, attention.sinks});
    return result;
}

void BlockPass::place_heads(const model::AttentionLayer& attention, std::span<float> query,
                            std::span<float> key) {
    if (attention.query_norm) {
        math_.norm(*attention.query_norm, query, query);
    }
    if (attention.key_norm) {
        math_.norm(*attention.key_norm, key, key);
    }
    if (attention.rotary) {
        math_.rotate(*attention.rotary, {query, tokens_, attention.shape.heads, 0});
        math_.rotate(*attention.rotary, {key, tokens_, attention.shape.key_value_heads, 0});
    }
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
        observe_({site, input, hidden, tokens_, {}});
        math_.sync();  // before what was shown is written over
    }
}

void BlockPass::show_expert(std::size_t site, std::span<const std::int32_t> tokens,
                            std::span<const float> input, std::span<const float> hidden,
                            std::span<const float> routed) const {
    if (!observe_) {
        return;
    }
    ObservedInput observed{site, input, {}, static_cast<std::int64_t>(tokens.size()), {}};
    if (sites_[site].expert < 0) {
        observed.residual = hidden;
    } else {
        observed.of_expert = tokens;
    }
    if (sites_[site].opens_mixture()) {
        observed.routed = routed;
    }
    observe_(observed);
    math_.sync();
}

}  // namespace alphaprune::transformer
