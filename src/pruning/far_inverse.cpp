#include "far_inverse.hpp"

#include <cmath>

#include "alphaprune/parallel/agreement.hpp"
#include "damped_inverse.hpp"
#include "far_work.hpp"

namespace alphaprune::pruning {

FarInverse::FarInverse(const parallel::Communicator& ranks, SiteStatistics& statistics,
                       double scale, double damping, const std::string& where)
    : order_(statistics.cols()), memory_(statistics.lane()) {
    for (const double squares : statistics.diagonal()) {
        dead_.push_back(squares == 0 ? 1 : 0);
    }
    linalg::FarLane& lane = statistics.lane();
    linalg::FarBuffer triangle(lane);
    const std::vector<double> scales(dead_.size(), std::sqrt(scale));
    const std::vector<double> diagonal = undamped_diagonal(statistics.diagonal(), scale);
    damping_ = enough_damping(diagonal, damping, where, [&](std::span<const double> damped) {
        bool positive = false;
        parallel::run_collectively(ranks, [&] {
            positive = far_work([&] {
                return lane.factor({statistics.far_gram(), order_, scales, damped}, true,
                                   triangle.at_least<double>(order_ * order_).data());
            });
        });
        return !ranks.any(!positive);
    });
    parallel::run_collectively(ranks, [&] {
        far_work([&] {
            float* const values = memory_.at_least(order_ * order_).data();
            lane.invert_reversed(triangle.at_least<double>(order_ * order_).data(), order_, values);
            values_ = values;
        });
    });
}

}  // namespace alphaprune::pruning
