#pragma once

#include <span>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "far_fit.hpp"
#include "far_inverse.hpp"

namespace alphaprune::pruning {

/// sweep_site() for rows that are far from the processor. Collective.
/// @param fit  moves them to where they fit best before; nullptr: they are there
void sweep_far_site(const parallel::Communicator& ranks, linalg::FarLane& lane,
                    const FarInverse& inverse, std::span<const SiteMatrix> matrices, FarFit* fit);

}  // namespace alphaprune::pruning
