#pragma once

#include <memory>
#include <string>

#include "alphaprune/pruning/pruners.hpp"
#include "far_unit_problem.hpp"
#include "unit_problem.hpp"

namespace alphaprune::pruning {

/// Steps of conjugate gradients at the end of ALPS.
inline constexpr int kRefinements = 10;

// ADMM, as the author's code has it.
inline constexpr int kAdmmIterations = 20;
inline constexpr int kAdmmChoosing = 15;  // of them choose the weights that stay
inline constexpr double kAdmmDamping = 0.1;
inline constexpr float kAdmmPenalty = 1.0F;

/// What differs between pruners that solve for the weights of a matrix with its unit Hessian.
struct HessianMethod {
    /// δ that H gets before it is scaled.
    double (*ridge)(const SiteStatistics& statistics);
    /// Prunes this rank's rows of a matrix. Collective. @param where  the matrix, for messages
    Fit (*prune)(UnitHessian& hessian, const MatrixRows& rows, const PruneTarget& target,
                 const PrunerSettings& settings, const std::string& where);
    /// The same where inputs are far from the processor.
    Fit (*prune_far)(FarUnitHessian& hessian, const SiteMatrix& matrix,
                     const PrunerSettings& settings);
};

std::unique_ptr<BlockPruner> make_hessian_pruner(const BlockInputs& inputs,
                                                 const PrunerSettings& settings,
                                                 const HessianMethod& method);

/// @param iterations      of a matrix, on average
/// @param factorizations  of a matrix, on average
SiteCost hessian_pruner_cost(const SiteWork& work, double iterations, double factorizations);

}  // namespace alphaprune::pruning
