#pragma once

#include <memory>
#include <string>

#include "alphaprune/pruning/pruners.hpp"
#include "unit_problem.hpp"

namespace alphaprune::pruning {

/// What differs between pruners that solve for the weights of a matrix with its unit Hessian.
struct HessianMethod {
    /// δ that H gets before it is scaled.
    double (*ridge)(const SiteStatistics& statistics);
    /// Prunes this rank's rows of a matrix. Collective. @param where  the matrix, for messages
    Fit (*prune)(UnitHessian& hessian, const MatrixRows& rows, const PruneTarget& target,
                 const PrunerSettings& settings, const std::string& where);
};

std::unique_ptr<BlockPruner> make_hessian_pruner(const BlockInputs& inputs,
                                                 const PrunerSettings& settings,
                                                 const HessianMethod& method);

/// @param iterations      of a matrix, on average
/// @param factorizations  of a matrix, on average
SiteCost hessian_pruner_cost(const SiteWork& work, double iterations, double factorizations);

}  // namespace alphaprune::pruning
