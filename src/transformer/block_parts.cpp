#include "block_parts.hpp"

#include <algorithm>

#include "latent_attention.hpp"
#include "mlp_pass.hpp"
#include "scratch_cutter.hpp"

namespace alphaprune::transformer {
namespace {

const model::RotaryLayer* rotary_of(const model::SublayerBody& body) {
    if (const auto* attention = std::get_if<model::AttentionLayer>(&body)) {
        return attention->rotary ? &*attention->rotary : nullptr;
    }
    const auto* latent = std::get_if<model::LatentAttentionLayer>(&body);
    return latent != nullptr ? &latent->rotary : nullptr;
}

}  // namespace

std::int64_t sublayer_scratch(const model::BlockDescription& block, const model::Sublayer& sublayer,
                              std::int64_t tokens) {
    const auto rows = [&](int layer) { return block.layers[static_cast<std::size_t>(layer)].rows; };
    if (const auto* attention = std::get_if<model::AttentionLayer>(&sublayer.body)) {
        return 2 * whole_lines(tokens * rows(attention->query)) +
               whole_lines(tokens * rows(attention->key)) +
               whole_lines(tokens * rows(attention->value));
    }
    if (const auto* latent = std::get_if<model::LatentAttentionLayer>(&sublayer.body)) {
        return LatentAttentionPass::scratch(block, *latent, tokens);
    }
    if (const auto* experts = std::get_if<model::ExpertsLayer>(&sublayer.body)) {
        return ExpertsPass::scratch(block, *experts, tokens);
    }
    return mlp_scratch(block, std::get<model::MlpLayer>(sublayer.body), tokens);
}

int last_layer(const model::SublayerBody& body) {
    if (const auto* attention = std::get_if<model::AttentionLayer>(&body)) {
        return attention->output;
    }
    if (const auto* latent = std::get_if<model::LatentAttentionLayer>(&body)) {
        return latent->output;
    }
    const auto* mlp = std::get_if<model::MlpLayer>(&body);
    return mlp != nullptr ? mlp->down : -1;
}

const model::MlpLayer& mlp_of(const model::Sublayer& sublayer, int expert) {
    if (const auto* experts = std::get_if<model::ExpertsLayer>(&sublayer.body)) {
        return expert < 0 ? *experts->shared : experts->experts[static_cast<std::size_t>(expert)];
    }
    return std::get<model::MlpLayer>(sublayer.body);
}

const model::AttentionShape* attention_shape_of(const model::SublayerBody& body) {
    if (const auto* attention = std::get_if<model::AttentionLayer>(&body)) {
        return &attention->shape;
    }
    const auto* latent = std::get_if<model::LatentAttentionLayer>(&body);
    return latent != nullptr ? &latent->shape : nullptr;
}

std::vector<model::RotaryLayer> rotations(std::span<const BlockPlan> blocks) {
    std::vector<model::RotaryLayer> found;
    for (const BlockPlan& block : blocks) {
        for (const model::Sublayer& sublayer : block.description.sublayers) {
            const model::RotaryLayer* rotary = rotary_of(sublayer.body);
            if (rotary != nullptr && std::ranges::find(found, *rotary) == found.end()) {
                found.push_back(*rotary);
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
        if (attention_shape_of(sublayer.body) != nullptr) {
            const auto output = static_cast<std::size_t>(last_layer(sublayer.body));
            most = std::max(most, block.layers[output].cols);
        }
    }
    return most;
}

}  // namespace alphaprune::transformer
