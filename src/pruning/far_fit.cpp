#include "far_fit.hpp"

#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "far_work.hpp"
#include "unmasked_fit.hpp"

namespace alphaprune::pruning {

FarFit::FarFit(const BlockInputs& inputs, SiteStatistics& statistics,
               const PrunerSettings& settings, const std::string& where)
    : statistics_(statistics),
      inverse_(statistics.lane()),
      gradients_(statistics.lane()),
      weights_(statistics.lane()) {
    const std::vector<double> diagonal = ridged_diagonal(statistics);
    const std::vector<double> ones(diagonal.size(), 1.0);
    const std::int64_t order = statistics.cols();
    bool positive = false;
    parallel::run_collectively(inputs.ranks, [&] {
        positive = far_work([&] {
            linalg::FarLane& lane = statistics.lane();
            linalg::FarBuffer triangle(lane);
            double* const lower = triangle.at_least<double>(order * order).data();
            if (!lane.factor({statistics.far_gram(), order, ones, diagonal}, false, lower)) {
                return false;
            }
            lane.invert(lower, order, inverse_.at_least(order * order).data());
            return true;
        });
    });
    require_minimizer(inputs.ranks, positive, settings, where);
}

void FarFit::move(float* weights, parallel::RowRange rows) {
    far_work([&] {
        const std::int64_t order = statistics_.cols();
        float* const gradients = gradients_.at_least(rows.size() * order).data();
        statistics_.far_gradient(weights, rows, gradients);
        const float* const inverse = inverse_.at_least(order * order).data();
        statistics_.lane().multiply_add(
            times_square(gradients, rows.size(), inverse, order, weights, 1));
    });
}

void FarFit::move(const MatrixRows& rows) {
    far_work([&] {
        const std::int64_t height = std::ssize(rows.weights) / statistics_.cols();
        float* const weights = weights_.filled(std::span<const float>(rows.weights)).data();
        move(weights, {rows.first_row, rows.first_row + height});
        statistics_.lane().download(std::as_writable_bytes(rows.weights), weights);
    });
}

}  // namespace alphaprune::pruning
