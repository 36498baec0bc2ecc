#pragma once

#include <cstdint>

#include "cuda/forward_lane.hpp"

// What the made-up card does with exponentials of scores and logits.

/// One head of ForwardLane::attend, with operands in that many parts.
void attend_head(const alphaprune::transformer::card::Attention& work, std::int64_t head,
                 int parts);

/// Takes logits of one token, those of the rows of the part, into its state; caps them first.
void add_to_loss(const alphaprune::transformer::card::VocabularyPart& work, std::int64_t token,
                 float* logits);
