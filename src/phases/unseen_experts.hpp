#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/pruning/pruners.hpp"

namespace alphaprune::phases {

// An expert to which the router sends no token of the calibration has no statistics: its matrices
// are pruned by magnitude.

/// Collective. @param cols  of the matrices
void prune_unseen(const parallel::Communicator& ranks,
                  std::span<const pruning::SiteMatrix> matrices, std::int64_t cols,
                  const pruning::PrunerSettings& settings);

}  // namespace alphaprune::phases
