#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/transformer/forward_plan.hpp"

namespace alphaprune::transformer {

/// Token embeddings of one sequence, projected to the width of the blocks and with the learned
/// positions added where the family has them. Reads just the rows of the tokens present.
/// @param hidden  out: tokens.size() × hidden_size
/// @throws Error: a token outside the vocabulary, more tokens than positions, unreadable weights
void embed_tokens(const ForwardPlan& plan, const model::RowSource& source,
                  std::span<const std::int32_t> tokens, std::span<float> hidden);

}  // namespace alphaprune::transformer
