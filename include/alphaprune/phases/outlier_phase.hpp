#pragma once

#include <optional>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/resume/journal.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::phases {

/// What the scores |w|·‖x‖ of the weights of all matrices of a block say, one value per prunable
/// block, in the dense model: with a multiple the share of outliers, whose score is above so many
/// times the mean (OWL, arXiv 2310.05175); without one the mean (DLP). Collective; the same bits on
/// any number of ranks.
/// @param journal    takes the values, and holds those of earlier attempts; may be nullptr
/// @param forward    what runs the blocks
std::vector<double> block_scores(const parallel::Communicator& ranks,
                                 const parallel::NodeMap& nodes, const model::Catalogue& catalogue,
                                 const model::TokenSequences& sequences,
                                 std::optional<double> multiple, const Progress& progress,
                                 resume::Journal* journal = nullptr,
                                 const transformer::ForwardSettings& forward = {});

}  // namespace alphaprune::phases
