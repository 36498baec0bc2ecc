#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "alphaprune/model/block_description.hpp"
#include "alphaprune/parallel/team.hpp"
#include "scratch_cutter.hpp"

namespace alphaprune::transformer {

/// What the four matrices of values are: tokens × (heads × head_size) each, the key and value with
/// key_value_heads, value and out with value_size.
struct AttentionValues {
    std::span<const float> query;
    std::span<const float> key;
    std::span<const float> value;
    std::span<float> out;
    std::span<const float> sinks{};  ///< one per head: AttentionLayer::sinks; or none
};

/// out = softmax(scale·(Q Kᵀ + ALiBi), capped and masked) V, by tiles of queries and keys with a
/// running softmax, so that the scratch does not grow with the sequence (arXiv 1805.02867, arXiv
/// 2112.05682). Run collectively by the team, in whose memory all values lie.
void attend(const parallel::Team& team, const model::AttentionShape& attention,
            const AttentionValues& values, std::int64_t tokens, const ThreadScratch& scratch);

/// Values of scratch that a thread needs for that, whatever the length of the sequence.
std::int64_t attention_scratch();

/// How many pairs of query and key there are in a head.
double attended_pairs(std::int64_t tokens, std::optional<std::int64_t> window);

}  // namespace alphaprune::transformer
