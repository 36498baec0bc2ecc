#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "card_costs.hpp"
#include "far_alps.hpp"
#include "hessian_pruner.hpp"
#include "projection.hpp"
#include "shared_values.hpp"
#include "unit_problem.hpp"

namespace alphaprune::pruning {
namespace {

Fit prune_admm(UnitHessian& hessian, const MatrixRows& rows, const PruneTarget& target,
               const PrunerSettings&, const std::string& where) {
    const UnitProblem problem(hessian, rows);
    const std::vector<float> best = minimizer(hessian, problem, kAdmmDamping, where);
    Projection project(hessian.ranks(), hessian.threads(), std::ssize(rows.weights), hessian.cols(),
                       target, rows.gone);
    if (project.kept() == project.total()) {
        scale_back(hessian, best, rows.weights);
        return {};
    }
    const std::size_t size = rows.weights.size();
    // (Ĥ+0.1·I)B₀, and what targets add.
    std::vector<float> right_of_all = problem.right;
    for (std::size_t i = 0; i < size; ++i) {
        right_of_all[i] += static_cast<float>(kAdmmDamping) * problem.dense[i];
    }
    std::vector<float> dense_values = problem.dense;
    std::vector<float> multiplier_values(size);
    std::vector<float> sparse_values(size);
    std::vector<std::uint8_t> chosen(size);
    const std::span<const float> right = right_of_all;
    const std::span<float> dense = dense_values;
    const std::span<float> multipliers = multiplier_values;
    const std::span<float> sparse = sparse_values;
    const std::span<std::uint8_t> stays = chosen;
    hessian.factor(kAdmmDamping + kAdmmPenalty, where);
    for (int iteration = 0; iteration < kAdmmIterations; ++iteration) {
        parallel::check_stop_collectively(hessian.ranks());
        share_values(hessian.threads(), size, [=](std::size_t i) { dense[i] += multipliers[i]; });
        if (iteration < kAdmmChoosing) {
            project.choose(dense, stays);
        }
        share_values(hessian.threads(), size, [=](std::size_t i) {
            sparse[i] = stays[i] != 0 ? dense[i] : 0.0F;
            multipliers[i] = dense[i] - sparse[i];
            dense[i] = right[i] + kAdmmPenalty * (sparse[i] - multipliers[i]);
        });
        hessian.solve(dense, rows.first_row);
    }
    for (std::size_t i = 0; i < size; ++i) {
        sparse[i] = stays[i] != 0 ? dense[i] + multipliers[i] : 0.0F;
    }
    const Fit fit{kAdmmIterations, relative_error(hessian, problem, sparse, best)};
    scale_back(hessian, sparse, rows.weights);
    return fit;
}

/// Damping is added to the unit diagonal.
double no_ridge(const SiteStatistics&) {
    return 0;
}

std::unique_ptr<BlockPruner> begin_block(const BlockInputs& inputs,
                                         const PrunerSettings& settings) {
    return make_hessian_pruner(inputs, settings, {no_ridge, prune_admm, prune_far_by_admm});
}

}  // namespace

Pruner admm_row() {
    return {
        .name = "admm",
        .title = "ADMM",
        .help = "like alps with a fixed penalty and 20 iterations: less time, less exact",
        .source = "Boža, arXiv 2401.02938",
        .needs = PrunerNeeds::targets,
        .changes_kept_weights = true,
        .cost = [](const SiteWork& work) { return hessian_pruner_cost(work, kAdmmIterations, 1); },
        .card_cost =
            [](const SiteWork& work) { return card_hessian_pruner_cost(work, kAdmmIterations, 1); },
        .begin_block = begin_block};
}

}  // namespace alphaprune::pruning
