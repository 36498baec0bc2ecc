#include "damped_inverse.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::pruning {
namespace {

const support::Failure<> kNotPositiveDefinite{
    "pruning.hessian-not-positive-definite",
    "the Hessian of the inputs is not positive definite, not even with damping 1.0",
    "the calibration text is too short or repeats itself",
    "give more, or more varied, calibration sequences, or use --prune-method wanda"};

constexpr double kMostDamping = 1.0;

}  // namespace

DampedInverse::DampedInverse(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                             const ScaledGram& hessian, double damping, const std::string& where)
    : damping_(damping) {
    std::vector<double> diagonal;
    for (std::int64_t j = 0; j < hessian.order; ++j) {
        const double squares = hessian.gram[static_cast<std::size_t>(j * (hessian.order + 1))];
        dead_.push_back(squares == 0);
        diagonal.push_back(squares == 0 ? 1.0 : hessian.scale * squares);
    }
    const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) /
                        static_cast<double>(diagonal.size());
    const std::vector<double> scale(diagonal.size(), std::sqrt(hessian.scale));
    parallel::run_collectively(
        ranks, [&] { factor_.emplace(nodes.node(), hessian.order, 0, nodes.threads()); });
    const auto is_positive = [&] {
        std::vector<double> damped = diagonal;
        for (double& value : damped) {
            value += damping_ * mean;
        }
        return !ranks.any(!factor_->factor(hessian.gram, scale, damped));
    };
    while (!is_positive()) {
        if (damping_ >= kMostDamping) {
            throw kNotPositiveDefinite(where).mark_agreed();
        }
        damping_ = std::min(10 * damping_, kMostDamping);
    }
    factor_->invert();
}

}  // namespace alphaprune::pruning
