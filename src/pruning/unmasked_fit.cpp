#include "unmasked_fit.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::pruning {
namespace {

const support::Failure<double> kNoMinimizer{
    "pruning.no-minimizer", "the Hessian of the inputs is not positive definite with damping {}",
    "the calibration text is too short or repeats itself",
    "give more, or more varied, calibration sequences, or a larger --damping"};

}  // namespace

std::vector<double> ridged_diagonal(const SiteStatistics& statistics) {
    std::vector<double> diagonal(statistics.diagonal().begin(), statistics.diagonal().end());
    for (double& value : diagonal) {
        value += statistics.ridge();
    }
    return diagonal;
}

void require_minimizer(const parallel::Communicator& ranks, bool positive,
                       const PrunerSettings& settings, const std::string& where) {
    if (ranks.any(!positive)) {
        throw kNoMinimizer(where, settings.damping).mark_agreed();
    }
}

UnmaskedFit::UnmaskedFit(const BlockInputs& inputs, const SiteStatistics& statistics,
                         const PrunerSettings& settings, const std::string& where)
    : statistics_(statistics) {
    if (!statistics.has_targets()) {
        return;
    }
    const std::vector<double> diagonal = ridged_diagonal(statistics);
    const std::vector<double> ones(diagonal.size(), 1.0);
    parallel::run_collectively(inputs.ranks, [&] {
        factor_.emplace(inputs.nodes.node(), statistics.cols(), inputs.nodes.threads());
    });
    require_minimizer(inputs.ranks, factor_->factor(statistics.gram(), ones, diagonal), settings,
                      where);
}

void UnmaskedFit::move(const MatrixRows& rows) const {
    if (!factor_) {
        return;
    }
    std::vector<float> step = statistics_.gradient(rows);
    factor_->solve(step, rows.first_row);
    std::ranges::transform(rows.weights, step, rows.weights.begin(), std::plus<>());
}

SiteCost unmasked_fit_cost(const SiteWork& work) {
    SiteCost cost;
    if (work.outputs.any()) {
        const auto cols = static_cast<double>(work.cols);
        cost.flops =
            (2.0 / 3 * cols * cols * cols / work.node_ranks + 4 * work.own_rows * cols * cols) /
            work.threads;
        cost.memory = linalg::NodeCholesky::node_memory(work.cols) /
                      static_cast<std::uint64_t>(work.node_ranks);
    }
    return cost;
}

}  // namespace alphaprune::pruning
