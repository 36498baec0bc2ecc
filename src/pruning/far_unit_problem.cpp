#include "far_unit_problem.hpp"

#include <algorithm>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "far_work.hpp"

namespace alphaprune::pruning {

FarUnitHessian::FarUnitHessian(const BlockInputs& inputs, SiteStatistics& statistics, double ridge)
    : ranks_(inputs.ranks),
      statistics_(statistics),
      scale_(statistics.diagonal(), ridge),
      triangle_(statistics.lane()),
      inverse_memory_(statistics.lane()),
      memory_(statistics.lane()) {
    const std::int64_t square = cols() * cols();
    parallel::run_collectively(ranks_, [&] {
        far_work([&] {
            triangle_.at_least<double>(square);
            inverse_ = inverse_memory_.at_least(square).data();
            float* const values = memory_.at_least(square).data();
            lane().make_scaled(
                {statistics_.far_gram(), cols(), scale_.inverse, scale_.unit_diagonal}, values);
            values_ = values;
        });
    });
}

void FarUnitHessian::multiply(const float* values, std::int64_t rows, const float* by, float* out,
                              float beta) const {
    lane().multiply_add(times_square(values, rows, by, cols(), out, beta));
}

void FarUnitHessian::factor(double shift, const std::string& where) {
    if (is_factored(shift)) {
        return;
    }
    const std::int64_t square = cols() * cols();
    const bool positive = far_work([&] {
        double* const lower = triangle_.at_least<double>(square).data();
        if (!lane().factor({statistics_.far_gram(), cols(), scale_.inverse, scale_.shifted(shift)},
                           false, lower)) {
            return false;
        }
        lane().invert(lower, cols(), inverse_);
        return true;
    });
    require_positive(ranks_, positive, shift, where);
    shift_ = shift;
}

FarUnitProblem::FarUnitProblem(const FarUnitHessian& hessian, const SiteMatrix& matrix)
    : hessian_(hessian),
      rows_(matrix.far->count),
      first_row_(matrix.rows.first_row),
      dense_(hessian.lane()),
      right_(hessian.lane()) {
    matrix.far->take(dense());
    const bool has_targets = hessian.statistics().has_targets();
    if (has_targets) {
        hessian.statistics().far_gradient(dense(), {first_row_, first_row_ + rows_}, right());
        hessian.lane().scale_columns(right(), rows_, hessian.scale(), true);
    }
    hessian.lane().scale_columns(dense(), rows_, hessian.scale(), false);
    hessian.multiply(dense(), rows_, right(), has_targets ? 1 : 0);
}

void FarUnitProblem::put_minimizer(double shift, linalg::FarBuffer& best) {
    linalg::FarLane& lane = hessian_.lane();
    float* const out = values(best);
    const auto bytes = static_cast<std::size_t>(size()) * sizeof(float);
    if (!hessian_.statistics().has_targets()) {
        lane.copy(out, dense(), bytes);
        return;
    }
    if (shift == 0) {
        hessian_.solve(right(), rows_, out);
        return;
    }
    linalg::FarBuffer sum(lane);
    lane.copy(values(sum), right(), bytes);
    lane.add({values(sum), dense(), size(), static_cast<float>(shift)});
    hessian_.solve(values(sum), rows_, out);
}

double relative_error(const FarUnitHessian& hessian, const FarUnitProblem& problem,
                      const float* pruned, const float* minimizer) {
    linalg::FarLane& lane = hessian.lane();
    linalg::FarBuffer products(lane);
    linalg::FarBuffer energies(lane);
    const auto energy = [&](const float* values) {
        std::vector<double> by_row(static_cast<std::size_t>(problem.rows()));
        float* const product = products.at_least(problem.size()).data();
        hessian.multiply(values, problem.rows(), product);
        const auto there = energies.at_least<double>(problem.rows());
        lane.row_products(values, product, problem.rows(), hessian.cols(), there.data());
        lane.download(std::as_writable_bytes(std::span(by_row)), there.data());
        return sum_over_rows(hessian.ranks(), by_row, problem.first_row());
    };
    const double whole = energy(minimizer);
    linalg::FarBuffer error(lane);
    float* const off = error.at_least(problem.size()).data();
    lane.copy(off, minimizer, static_cast<std::size_t>(problem.size()) * sizeof(float));
    lane.add({off, pruned, problem.size(), -1});
    const double left = energy(off);
    return whole > 0 ? std::max(left, 0.0) / whole : 0.0;
}

}  // namespace alphaprune::pruning
