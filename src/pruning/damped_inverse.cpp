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

std::vector<double> undamped_diagonal(std::span<const double> squares, double scale) {
    std::vector<double> diagonal;
    for (const double square : squares) {
        diagonal.push_back(square == 0 ? 1.0 : scale * square);
    }
    return diagonal;
}

double enough_damping(std::span<const double> diagonal, double damping, const std::string& where,
                      const std::function<bool(std::span<const double> damped)>& is_positive) {
    const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) /
                        static_cast<double>(diagonal.size());
    for (;; damping = std::min(10 * damping, kMostDamping)) {
        std::vector<double> damped(diagonal.begin(), diagonal.end());
        for (double& value : damped) {
            value += damping * mean;
        }
        if (is_positive(damped)) {
            return damping;
        }
        if (damping >= kMostDamping) {
            throw kNotPositiveDefinite(where).mark_agreed();
        }
    }
}

DampedInverse::DampedInverse(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                             const ScaledGram& hessian, double damping, const std::string& where) {
    std::vector<double> squares;
    for (std::int64_t j = 0; j < hessian.order; ++j) {
        squares.push_back(hessian.gram[static_cast<std::size_t>(j * (hessian.order + 1))]);
        dead_.push_back(squares.back() == 0);
    }
    const std::vector<double> diagonal = undamped_diagonal(squares, hessian.scale);
    const std::vector<double> scale(diagonal.size(), std::sqrt(hessian.scale));
    parallel::run_collectively(
        ranks, [&] { factor_.emplace(nodes.node(), hessian.order, 0, nodes.threads()); });
    damping_ = enough_damping(diagonal, damping, where, [&](std::span<const double> damped) {
        return !ranks.any(!factor_->factor(hessian.gram, scale, damped));
    });
    factor_->invert();
}

}  // namespace alphaprune::pruning
