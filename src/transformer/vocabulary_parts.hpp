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

/// Reads the vocabulary's projection in parts of about `bytes` of float32, held once on each node,
/// and calls `use` with each, which must not communicate beyond the node. Collective.
void for_each_vocabulary_rows(
    const parallel::Communicator& ranks, const parallel::Communicator& node,
    const ForwardPlan& plan, const model::RowSource& source, std::uint64_t bytes,
    const std::function<void(parallel::RowRange rows, linalg::ConstFloatView weights)>& use);

}  // namespace alphaprune::transformer
