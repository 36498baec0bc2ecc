#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::transformer {

/// What a sequence's features (tokens × feature_size) and some rows of the vocabulary's projection
/// are for: their products are logits. Called on all ranks of the team.
using UseVocabulary = std::function<void(std::size_t chosen, linalg::ConstFloatView features,
                                         parallel::RowRange rows, linalg::ConstFloatView weights)>;

/// Reads the vocabulary's projection in parts of about `bytes` of float32, held once on each node,
/// and calls `use` with each, which must not communicate beyond the node. Collective.
void for_each_vocabulary_rows(
    const parallel::Communicator& ranks, const parallel::Communicator& node,
    const ForwardPlan& plan, const model::RowSource& source, std::uint64_t bytes,
    const std::function<void(parallel::RowRange rows, linalg::ConstFloatView weights)>& use);

/// Reads the vocabulary's projection in parts of about `bytes` of float32, and hands each with each
/// of the chosen sequences to `use`. Collective.
/// @pre  the runner has loaded the head
void for_each_vocabulary_part(const parallel::Communicator& ranks,
                              const parallel::Communicator& node, const ForwardPlan& plan,
                              BlockRunner& runner, const model::RowSource& source,
                              std::span<const std::int64_t> chosen, std::uint64_t bytes,
                              const UseVocabulary& use);

}  // namespace alphaprune::transformer
