#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "hessian_pruner.hpp"
#include "projection.hpp"
#include "unit_problem.hpp"

namespace alphaprune::pruning {
namespace {

// As the authors' code has them.
constexpr double kFirstPenalty = 0.1;
constexpr int kLook = 3;              // iterations between two looks at the support
constexpr double kManyChanges = 0.1;  // of the weights that stay
constexpr double kSomeChanges = 0.005;
constexpr double kFewChanges = 0.0003;
constexpr int kSettling = 30;  // iterations before few changes are enough
constexpr int kRefinements = 10;

/// Places that are zero in one and not in the other, on all ranks.
std::int64_t changes(const parallel::Communicator& ranks, std::span<const float> now,
                     std::span<const std::uint8_t> before) {
    std::int64_t count = 0;
    for (std::size_t i = 0; i < now.size(); ++i) {
        count += (now[i] != 0) != (before[i] != 0) ? 1 : 0;
    }
    return ranks.sum(count);
}

/// ADMM for min ½tr(BĤBᵀ) − tr(BRᵀ) with few weights: B, its sparse copy D, the multipliers V and
/// the penalty ρ, which rises once the support settles.
class Alternation {
  public:
    Alternation(UnitHessian& hessian, const UnitProblem& problem, const Projection& project,
                const std::string& where)
        : hessian_(hessian),
          problem_(problem),
          project_(project),
          where_(where),
          dense_(problem.dense.size()),
          sparse_(problem.dense.size()),
          multipliers_(problem.dense.size()),
          sum_(problem.dense.size()),
          support_(problem.dense.size()) {
        begin_anew();
        look_at_support();
        hessian_.factor(penalty_, where_);
    }

    /// @return iterations
    int run(int most_iterations) {
        int iteration = 0;
        bool settled = project_.kept() == 0;
        while (!settled && iteration < most_iterations) {
            step();
            ++iteration;
            settled = iteration % kLook == 0 && adapt(iteration);
        }
        return iteration;
    }

    /// B of the last step.
    std::vector<float>& result() { return dense_; }

  private:
    void begin_anew() {
        dense_ = problem_.dense;
        project_(dense_, sparse_);
        std::ranges::fill(multipliers_, 0.0F);
    }

    void look_at_support() {
        std::ranges::transform(sparse_, support_.begin(),
                               [](float value) { return std::uint8_t{value != 0}; });
    }

    /// B = (R − V + ρD)(Ĥ+ρI)⁻¹; D = largest of B + V/ρ; V += ρ(B − D).
    void step() {
        parallel::check_stop_collectively(hessian_.ranks());
        const auto penalty = static_cast<float>(penalty_);
        for (std::size_t i = 0; i < dense_.size(); ++i) {
            dense_[i] = problem_.right[i] - multipliers_[i] + penalty * sparse_[i];
        }
        hessian_.solve(dense_, problem_.first_row);
        for (std::size_t i = 0; i < dense_.size(); ++i) {
            sum_[i] = dense_[i] + multipliers_[i] / penalty;
        }
        project_(sum_, sparse_);
        for (std::size_t i = 0; i < dense_.size(); ++i) {
            multipliers_[i] += penalty * (dense_[i] - sparse_[i]);
        }
    }

    /// The penalty for the next iterations; true when there is no need of any.
    bool adapt(int iteration) {
        const std::int64_t changed = changes(hessian_.ranks(), sparse_, support_);
        look_at_support();
        const double share = static_cast<double>(changed) / static_cast<double>(project_.kept());
        if (share > kSomeChanges) {
            raise(share > kManyChanges ? 1.3 : 1.2);
        } else if (changed > 0 && raised_) {
            raise(1.1);
        } else if (raised_) {
            return true;
        } else {
            penalty_ /= 5;
            if (changed > 0) {
                begin_anew();
            }
        }
        if (iteration > kSettling && share < kFewChanges) {
            return true;
        }
        hessian_.factor(penalty_, where_);
        return false;
    }

    void raise(double factor) {
        penalty_ *= factor;
        raised_ = true;
    }

    UnitHessian& hessian_;
    const UnitProblem& problem_;
    const Projection& project_;
    const std::string& where_;
    double penalty_ = kFirstPenalty;
    bool raised_ = false;
    std::vector<float> dense_;        ///< B
    std::vector<float> sparse_;       ///< D
    std::vector<float> multipliers_;  ///< V
    std::vector<float> sum_;          ///< B + V/ρ
    std::vector<std::uint8_t> support_;
};

/// Conjugate gradients for BĤ = R, each row by itself, in the places where `pruned` is not zero.
void refine(const UnitHessian& hessian, const UnitProblem& problem, std::span<float> pruned) {
    const auto width = static_cast<std::size_t>(hessian.cols());
    const std::size_t rows = pruned.size() / width;
    std::vector<float> product(pruned.size());
    hessian.multiply(pruned, problem.first_row, product);
    std::vector<float> residual(pruned.size());
    for (std::size_t i = 0; i < pruned.size(); ++i) {
        residual[i] = pruned[i] != 0 ? problem.right[i] - product[i] : 0.0F;
    }
    std::vector<float> direction = residual;
    std::vector<std::uint8_t> support(pruned.size());
    std::ranges::transform(pruned, support.begin(),
                           [](float value) { return std::uint8_t{value != 0}; });
    const auto inner = [&](std::span<const float> one, std::span<const float> other,
                           std::size_t row) {
        double sum = 0;
        for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
            sum += double{one[i]} * other[i];
        }
        return sum;
    };
    for (int step = 0; step < kRefinements; ++step) {
        hessian.multiply(direction, problem.first_row, product);
        for (std::size_t row = 0; row < rows; ++row) {
            const double before = inner(residual, residual, row);
            const double curvature = inner(direction, product, row);
            if (!(before > 0) || !(curvature > 0)) {
                continue;
            }
            const auto alpha = static_cast<float>(before / curvature);
            for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
                pruned[i] += alpha * direction[i];
                residual[i] -= support[i] != 0 ? alpha * product[i] : 0.0F;
            }
            const auto beta = static_cast<float>(inner(residual, residual, row) / before);
            for (std::size_t i = row * width; i < (row + 1) * width; ++i) {
                direction[i] = residual[i] + beta * direction[i];
            }
        }
    }
}

Fit prune_alps(UnitHessian& hessian, const MatrixRows& rows, const PruneTarget& target,
               const PrunerSettings& settings, const std::string& where) {
    const UnitProblem problem(hessian, rows);
    const Projection project(hessian.ranks(), static_cast<std::int64_t>(rows.weights.size()),
                             hessian.cols(), target);
    const std::vector<float> best = minimizer(hessian, problem, 0, where);
    Fit fit;
    std::vector<float> pruned = best;
    if (project.kept() < project.total()) {
        Alternation alternation(hessian, problem, project, where);
        fit.iterations = alternation.run(settings.most_iterations);
        pruned = std::move(alternation.result());
        project(pruned, pruned);
        refine(hessian, problem, pruned);
    }
    fit.relative_error = relative_error(hessian, problem, pruned, best);
    scale_back(hessian, pruned, rows.weights);
    return fit;
}

double ridge_of(const SiteStatistics& statistics) {
    return statistics.ridge();
}

std::unique_ptr<BlockPruner> begin_block(const BlockInputs& inputs,
                                         const PrunerSettings& settings) {
    return make_hessian_pruner(inputs, settings, {ridge_of, prune_alps});
}

}  // namespace

Pruner alps_row() {
    return {.name = "alps",
            .title = "ALPS",
            .help = "the weights and values that fit a matrix's output best, by ADMM",
            .source = "Meng et al., arXiv 2406.07831",
            .needs = PrunerNeeds::targets,
            .changes_kept_weights = true,
            .cost = [](const SiteWork& work) { return hessian_pruner_cost(work, 100, 12); },
            .begin_block = begin_block};
}

}  // namespace alphaprune::pruning
