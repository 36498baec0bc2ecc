#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::phases {

// What becomes of the outputs of a matrix once they are pruned in the memory of a block.

/// Rounds rows to the type in which their tensor is stored.
/// @throws Error naming the tensor, the rows being rounded all the same: what a pruner makes of the
///         weights that stay may be too large for float16
void round_to_stored(const parallel::ThreadPool& threads, const model::Catalogue& catalogue,
                     const model::TensorInfo& tensor, std::span<float> rows);

/// The outputs of one matrix on every node: each node has those of its own ranks. Collective.
/// @param matrix   index into Catalogue::matrices
/// @param outputs  that it has, shared out over all ranks
void exchange_between_nodes(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                            transformer::BlockRunner& runner, int matrix, std::int64_t outputs);

}  // namespace alphaprune::phases
