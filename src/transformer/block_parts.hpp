#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/model/block_description.hpp"
#include "alphaprune/transformer/forward_plan.hpp"

namespace alphaprune::transformer {

// What a pass over a block needs to know of its description.

/// The rotations of queries and keys in some blocks, each once.
std::vector<model::RotaryLayer> rotations(std::span<const BlockPlan> blocks);

/// Of an attention of either kind; nullptr for other sublayers.
const model::AttentionShape* attention_shape_of(const model::SublayerBody& body);
/// An MLP, or that expert of a mixture; −1: the shared one.
const model::MlpLayer& mlp_of(const model::Sublayer& sublayer, int expert);

/// Values of scratch that a pass over a sequence takes, in the memory of its team.
std::int64_t block_scratch(const model::BlockDescription& block, std::int64_t hidden_size,
                           std::int64_t tokens);
/// Values per token that a pass in steps keeps of a sequence from one step to the next.
std::int64_t kept_width(const model::BlockDescription& block);
/// The layer whose output is added to the hidden state; −1 for a mixture, which adds several.
int last_layer(const model::SublayerBody& body);
/// Values of scratch that a sublayer takes of those of its block.
std::int64_t sublayer_scratch(const model::BlockDescription& block, const model::Sublayer& sublayer,
                              std::int64_t tokens);

}  // namespace alphaprune::transformer
