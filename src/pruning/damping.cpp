#include "damping.hpp"

#include <numeric>

#include "alphaprune/support/error.hpp"
#include "finite_inputs.hpp"

namespace alphaprune::pruning {

std::vector<bool> dead_among(const std::vector<float>& diagonal) {
    std::vector<bool> dead;
    for (const float value : diagonal) {
        dead.push_back(value == 0);
    }
    return dead;
}

double factor_damped(linalg::OuterProducts& hessian, const std::vector<float>& diagonal,
                     const std::string& where) {
    // The diagonal is enough: an element of H is bounded by those of its row and column there.
    require_finite_inputs(diagonal, where);
    const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) /
                        static_cast<double>(diagonal.size());
    for (const double damping : {0.01, 0.1, 1.0}) {
        const auto added = static_cast<float>(damping * mean);
        std::vector<float> damped = diagonal;
        for (float& value : damped) {
            value += added;
        }
        if (hessian.factor_inverse(damped)) {
            return damping;
        }
    }
    throw support::failure(
        "the Hessian of the inputs is not positive definite, not even with damping 1.0", where,
        "give more, or more varied, calibration sequences, or use "
        "--prune-method wanda")
        .mark_agreed();
}

}  // namespace alphaprune::pruning
