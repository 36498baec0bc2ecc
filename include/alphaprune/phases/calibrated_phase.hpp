#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node_map.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/pruning/calibrated_method.hpp"

namespace alphaprune::phases {

struct CalibratedResult {
    std::vector<pruning::PrunedTensor> tensors;  ///< one a tensor
    std::vector<std::string> notes;  ///< what a user should know: dampings that were raised
};

/// Prunes a model block by block with statistics of its activations. The calibration sequences are
/// divided over the ranks and stay there; a block's weights are held once on each node. For each
/// block: the statistics of all its matrices are gathered with the block still dense, its rows are
/// pruned, shared out over all ranks, and its pruned outputs become the inputs of the next block.
/// Tensors outside the blocks pass unchanged. Blocks without prunable matrices (keep_blocks) stay
/// as they are: those before a prunable one are run, those after the last are not. Collective.
///
/// Wanda gives the same bits on any number of ranks; SparseGPT on the same number (the rounding of
/// the Hessian's sums differs otherwise).
/// @param nodes     which ranks share memory
/// @param targets   one a matrix
/// @param progress  blocks done, of how many
/// @param earlier   matrices that are done are not pruned again; where those of the first blocks
///                  are and the outputs are in the journal, the work begins behind them
/// @throws Error on all ranks
CalibratedResult prune_calibrated(const parallel::Communicator& ranks,
                                  const parallel::NodeMap& nodes, const model::Catalogue& catalogue,
                                  pruning::CalibratedMethod method,
                                  const model::TokenSequences& sequences,
                                  std::span<const PruneTarget> targets, const RowSink& sink,
                                  const Progress& progress, const EarlierTensors& earlier = {});

/// OWL's outlier shares, one a prunable block, of the dense model: the share of the weights of all
/// matrices of a block whose Wanda score is above `multiple` times the mean score (arXiv
/// 2310.05175). Collective; the same bits on any number of ranks.
/// @param journal  takes the shares, and holds those of earlier attempts; may be nullptr
std::vector<double> outlier_shares(const parallel::Communicator& ranks,
                                   const parallel::NodeMap& nodes,
                                   const model::Catalogue& catalogue,
                                   const model::TokenSequences& sequences, double multiple,
                                   const Progress& progress, resume::Journal* journal = nullptr);

}  // namespace alphaprune::phases
