#pragma once

#include "alphaprune/pruning/pruners.hpp"
#include "far_unit_problem.hpp"

namespace alphaprune::pruning {

// Pruners with a unit Hessian where rows and Hessian are far from the processor: this rank's rows
// of a matrix. Collective.

Fit prune_far_by_alps(FarUnitHessian& hessian, const SiteMatrix& matrix,
                      const PrunerSettings& settings);
Fit prune_far_by_admm(FarUnitHessian& hessian, const SiteMatrix& matrix,
                      const PrunerSettings& settings);

}  // namespace alphaprune::pruning
