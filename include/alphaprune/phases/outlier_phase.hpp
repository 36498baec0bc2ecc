#pragma once

#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/resume/journal.hpp"

namespace alphaprune::phases {

/// Outlier shares, one per prunable block, of the dense model: the share of the weights of all
/// matrices of a block whose score |w|·‖x‖ is above `multiple` times the mean score (OWL, arXiv
/// 2310.05175). Collective; the same bits on any number of ranks.
/// @param journal  takes the shares, and holds those of earlier attempts; may be nullptr
std::vector<double> outlier_shares(const parallel::Communicator& ranks,
                                   const parallel::NodeMap& nodes,
                                   const model::Catalogue& catalogue,
                                   const model::TokenSequences& sequences, double multiple,
                                   const Progress& progress, resume::Journal* journal = nullptr);

}  // namespace alphaprune::phases
