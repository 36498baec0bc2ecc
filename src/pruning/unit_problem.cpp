#include "unit_problem.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>

#include "alphaprune/linalg/aligned_rows.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "scores.hpp"

namespace alphaprune::pruning {
namespace {

const support::Failure<double> kNotPositive{
    "pruning.unit-hessian-not-positive-definite",
    "the Hessian of the inputs, scaled to a unit diagonal, is not positive definite with {} added",
    "the calibration text is too short or repeats itself",
    "give more, or more varied, calibration sequences, or a larger --damping"};

}  // namespace

UnitScale::UnitScale(std::span<const double> squares, double ridge) {
    for (const double square : squares) {
        const double size = std::sqrt(square + ridge) + 1e-8;
        scale.push_back(static_cast<float>(size));
        inverse.push_back(1 / size);
        unit_diagonal.push_back((square + ridge) / (size * size));
    }
}

std::vector<double> UnitScale::shifted(double shift) const {
    std::vector<double> diagonal = unit_diagonal;
    for (double& value : diagonal) {
        value += shift;
    }
    return diagonal;
}

void require_positive(const parallel::Communicator& ranks, bool positive, double shift,
                      const std::string& where) {
    if (ranks.any(!positive)) {
        throw kNotPositive(where, shift).mark_agreed();
    }
}

UnitHessian::UnitHessian(const BlockInputs& inputs, const SiteStatistics& statistics, double ridge)
    : ranks_(inputs.ranks),
      threads_(inputs.nodes.threads()),
      statistics_(statistics),
      scale_(statistics.diagonal(), ridge) {
    const parallel::Communicator& node = inputs.nodes.node();
    parallel::run_collectively(ranks_, [&] {
        values_.emplace(node, cols() * cols());
        cholesky_.emplace(node, cols(), threads_);
    });
    const auto width = static_cast<std::size_t>(cols());
    const auto own = parallel::share_of(cols(), node.size(), node.rank());
    threads_.run(own.size(), [&](std::int64_t item, int) {
        const auto i = static_cast<std::size_t>(own.begin + item);
        const auto from = statistics.gram().subspan(i * width, width);
        const auto to = values_->values().subspan(i * width, width);
        for (std::size_t j = 0; j < width; ++j) {
            to[j] = static_cast<float>(from[j] * scale_.inverse[i] * scale_.inverse[j]);
        }
        to[i] = static_cast<float>(scale_.unit_diagonal[i]);
    });
    values_->sync();
}

void UnitHessian::multiply(const linalg::AlignedRows& rows, linalg::AlignedRows& out) const {
    const linalg::ConstFloatView hessian{values_->values().data(), cols(), cols(), cols()};
    linalg::share_groups(threads_, std::ssize(rows.all()) / cols(), [&](parallel::RowRange some) {
        const std::int64_t at = some.begin * cols();
        linalg::sgemm_of_groups(1, {rows.all().data() + at, some.size(), cols(), cols()}, hessian,
                                0, {out.all().data() + at, some.size(), cols(), cols()});
    });
}

void UnitHessian::factor(double shift, const std::string& where) {
    if (shift == shift_) {
        return;
    }
    const bool positive =
        cholesky_->factor(statistics_.gram(), scale_.inverse, scale_.shifted(shift));
    require_positive(ranks_, positive, shift, where);
    shift_ = shift;
}

UnitProblem::UnitProblem(const UnitHessian& hessian, const MatrixRows& rows)
    : dense(rows.weights.begin(), rows.weights.end()),
      right(hessian.statistics().gradient(rows)),
      first_row(rows.first_row) {
    const auto scale = hessian.scale();
    for_each_row(std::span(dense), hessian.cols(), [&](std::span<float> row) {
        std::ranges::transform(row, scale, row.begin(), std::multiplies<>());
    });
    for_each_row(std::span(right), hessian.cols(), [&](std::span<float> row) {
        std::ranges::transform(row, scale, row.begin(), std::divides<>());
    });
    const linalg::AlignedRows aligned(dense, first_row, hessian.cols());
    linalg::AlignedRows own = aligned;
    hessian.multiply(aligned, own);
    right.resize(dense.size());  // zero without targets
    std::ranges::transform(right, own.own(), right.begin(), std::plus<>());
}

double sum_over_rows(const parallel::Communicator& ranks, std::span<const double> own,
                     std::int64_t first_row) {
    // In their places, and zero from all other ranks.
    std::vector<double> all(static_cast<std::size_t>(ranks.sum(std::ssize(own))));
    std::ranges::copy(own, all.begin() + first_row);
    ranks.all_reduce_sum(std::span(all));
    return std::accumulate(all.begin(), all.end(), 0.0);
}

double inner_product(std::span<const float> one, std::span<const float> other) {
    constexpr std::size_t kLanes = 8;  // that a processor adds at once
    std::array<double, kLanes> sums{};
    std::size_t i = 0;
    for (; i + kLanes <= one.size(); i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            sums[lane] += double{one[i + lane]} * other[i + lane];
        }
    }
    for (; i < one.size(); ++i) {
        sums[0] += double{one[i]} * other[i];
    }
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

void scale_back(const UnitHessian& hessian, std::span<const float> pruned,
                std::span<float> weights) {
    if (pruned.data() != weights.data()) {
        std::ranges::copy(pruned, weights.begin());
    }
    for_each_row(weights, hessian.cols(), [&](std::span<float> row) {
        std::ranges::transform(row, hessian.scale(), row.begin(), std::divides<>());
    });
}

std::vector<float> minimizer(UnitHessian& hessian, const UnitProblem& problem, double shift,
                             const std::string& where) {
    if (!hessian.statistics().has_targets()) {
        return problem.dense;
    }
    hessian.factor(shift, where);
    std::vector<float> best = problem.right;
    for (std::size_t i = 0; i < best.size(); ++i) {
        best[i] += static_cast<float>(shift) * problem.dense[i];
    }
    hessian.solve(best, problem.first_row);
    return best;
}

double relative_error(const UnitHessian& hessian, const UnitProblem& problem,
                      std::span<const float> pruned, std::span<const float> minimizer) {
    const auto width = static_cast<std::size_t>(hessian.cols());
    const auto energy = [&](std::span<const float> rows) {
        const linalg::AlignedRows aligned(rows, problem.first_row, hessian.cols());
        linalg::AlignedRows products = aligned;
        hessian.multiply(aligned, products);
        std::vector<double> by_row;
        for (std::size_t at = 0; at < rows.size(); at += width) {
            by_row.push_back(
                inner_product(rows.subspan(at, width), products.own().subspan(at, width)));
        }
        return sum_over_rows(hessian.ranks(), by_row, problem.first_row);
    };
    const double whole = energy(minimizer);
    std::vector<float> error(minimizer.begin(), minimizer.end());
    std::ranges::transform(pruned, error, error.begin(), std::minus<>());
    const double left = energy(error);
    return whole > 0 ? std::max(left, 0.0) / whole : 0.0;
}

}  // namespace alphaprune::pruning
