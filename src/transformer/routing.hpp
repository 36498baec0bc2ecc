#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/model/block_description.hpp"

namespace alphaprune::transformer {

/// What a router gives to one expert.
struct RoutedTokens {
    std::vector<std::int32_t> tokens;  ///< ascending
    std::vector<float> weights;        ///< one per token
};

/// The tokens of each expert. Of equal scores the first expert's counts as higher.
/// @param logits       tokens × experts, row-major
/// @param choice_bias  one per expert, or empty
std::vector<RoutedTokens> route(const model::Routing& routing, std::int64_t experts,
                                std::span<const float> logits,
                                std::span<const float> choice_bias = {});

}  // namespace alphaprune::transformer
