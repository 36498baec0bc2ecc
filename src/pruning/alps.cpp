#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/linalg/aligned_rows.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alternation.hpp"
#include "card_costs.hpp"
#include "far_alps.hpp"
#include "hessian_pruner.hpp"
#include "projection.hpp"
#include "shared_values.hpp"
#include "unit_problem.hpp"

namespace alphaprune::pruning {
namespace {

/// A row of a matrix as conjugate gradients see it.
struct Refined {
    std::span<float> values;
    std::span<const std::uint8_t> support;
    std::span<float> residual;
    std::span<float> direction;
    std::span<const float> product;  ///< of the direction and Ĥ
};

/// A step. @param square  of the residual's size, before and after
void refine_row(const Refined& row, double& square) {
    const double before = square;
    const double curvature = inner_product(row.direction, row.product);
    if (!(before > 0) || !(curvature > 0)) {
        return;
    }
    const auto alpha = static_cast<float>(before / curvature);
    for (std::size_t j = 0; j < row.values.size(); ++j) {
        row.values[j] += alpha * row.direction[j];
        row.residual[j] -= (row.support[j] != 0 ? alpha : 0.0F) * row.product[j];
    }
    square = inner_product(row.residual, row.residual);
    const auto beta = static_cast<float>(square / before);
    for (std::size_t j = 0; j < row.values.size(); ++j) {
        row.direction[j] = row.residual[j] + beta * row.direction[j];
    }
}

/// Conjugate gradients for BĤ = R, each row by itself, in the places where `pruned` is not zero.
void refine(const UnitHessian& hessian, const UnitProblem& problem, std::span<float> pruned) {
    const auto width = static_cast<std::size_t>(hessian.cols());
    linalg::AlignedRows directions(pruned, problem.first_row, hessian.cols());
    linalg::AlignedRows products = directions;
    hessian.multiply(directions, products);
    std::vector<float> residuals(pruned.size());
    std::vector<std::uint8_t> support(pruned.size());
    std::vector<double> squares(pruned.size() / width);
    const auto for_rows = [&](auto work) {
        hessian.threads().run(std::ssize(squares), [&](std::int64_t row, int) {
            const std::size_t at = static_cast<std::size_t>(row) * width;
            work(Refined{pruned.subspan(at, width), std::span(support).subspan(at, width),
                         std::span(residuals).subspan(at, width),
                         directions.own().subspan(at, width), products.own().subspan(at, width)},
                 at, squares[static_cast<std::size_t>(row)]);
        });
    };
    for_rows([&](const Refined& row, std::size_t at, double& square) {
        for (std::size_t j = 0; j < width; ++j) {
            support[at + j] = row.values[j] != 0 ? 1 : 0;
            row.residual[j] = row.values[j] != 0 ? problem.right[at + j] - row.product[j] : 0.0F;
        }
        std::ranges::copy(row.residual, row.direction.begin());
        square = inner_product(row.residual, row.residual);
    });
    for (int step = 0; step < kRefinements; ++step) {
        hessian.multiply(directions, products);
        for_rows([&](const Refined& row, std::size_t, double& square) { refine_row(row, square); });
    }
}

Fit prune_alps(UnitHessian& hessian, const MatrixRows& rows, const PruneTarget& target,
               const PrunerSettings& settings, const std::string& where) {
    const UnitProblem problem(hessian, rows);
    Projection project(hessian.ranks(), hessian.threads(), std::ssize(rows.weights), hessian.cols(),
                       target, rows.gone);
    const bool keeps_all = project.kept() == project.total();
    // B* before the iterations or after them, for which the factor changes: then the next matrix of
    // the site begins with the factor that this one ends with.
    const bool begins_with_minimizer = keeps_all || hessian.is_factored(0);
    std::vector<float> best;
    if (begins_with_minimizer) {
        best = minimizer(hessian, problem, 0, where);
    }
    if (keeps_all) {
        scale_back(hessian, best, rows.weights);
        return {};
    }
    // The result takes shape where the weights are.
    Fit fit;
    {
        NearAlternation alternation(hessian, problem, project, where);
        fit.iterations = alternation.run(settings.most_iterations);
        project(alternation.result(), rows.weights);
    }
    refine(hessian, problem, rows.weights);
    if (!begins_with_minimizer) {
        best = minimizer(hessian, problem, 0, where);
    }
    fit.relative_error = relative_error(hessian, problem, rows.weights, best);
    scale_back(hessian, rows.weights, rows.weights);
    return fit;
}

double ridge_of(const SiteStatistics& statistics) {
    return statistics.ridge();
}

std::unique_ptr<BlockPruner> begin_block(const BlockInputs& inputs,
                                         const PrunerSettings& settings) {
    return make_hessian_pruner(inputs, settings, {ridge_of, prune_alps, prune_far_by_alps});
}

/// As seen on small and medium models: 33 iterations, ten steps of refinement and a few products
/// more, and a penalty after every third iteration.
constexpr double kProducts = 50;
constexpr double kFactorizations = 12;

SiteCost cost_of(const SiteWork& work) {
    return hessian_pruner_cost(work, kProducts, kFactorizations);
}

SiteCost card_cost_of(const SiteWork& work) {
    return card_hessian_pruner_cost(work, kProducts, kFactorizations * work.matrices);
}

}  // namespace

Pruner alps_row() {
    return {.name = "alps",
            .title = "ALPS",
            .help = "the weights and values that fit a matrix's output best, by ADMM",
            .source = "Meng et al., arXiv 2406.07831",
            .needs = PrunerNeeds::targets,
            .takes_damping = true,
            .changes_kept_weights = true,
            .cost = cost_of,
            .card_cost = card_cost_of,
            .begin_block = begin_block};
}

}  // namespace alphaprune::pruning
