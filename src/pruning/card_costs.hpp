#pragma once

#include "alphaprune/pruning/pruners.hpp"

namespace alphaprune::pruning {

// What sites cost a graphics card, as Pruner::card_cost has it.

/// Summing up Hessians, with what targets of outputs add.
SiteCost card_statistics_cost(const SiteWork& work);
/// The weights that would fit targets best (FarFit), for a pruner that does not fit to them.
SiteCost card_fit_cost(const SiteWork& work);
/// An iterative pruner with a unit Hessian, statistics included.
/// @param products        of each matrix with the Hessian or its inverse
/// @param factorizations  of the site, targets apart
SiteCost card_hessian_pruner_cost(const SiteWork& work, double products, double factorizations);
/// Bytes of the Hessian's factor and inverse, with room to make them.
std::uint64_t card_factor_memory(std::int64_t cols);

}  // namespace alphaprune::pruning
