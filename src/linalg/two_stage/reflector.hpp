#pragma once

#include "kernel_body.hpp"

namespace alphaprune::linalg::two_stage {
namespace {

/// H = I − tau·v·vᵀ with v_0 = 1 and v_i = scale·x_i maps x to (beta, 0, …).
template <class Real>
struct Reflector {
    Real beta;
    Real tau;
    Real scale;
};

/// Sums of squares below this have lost digits to underflow. The matrix was scaled to 1, so what
/// they come from is far below the rounding of its largest values.
template <class Real>
inline constexpr Real kNegligible = Real(sizeof(Real) == 8 ? 1e-290 : 1e-30);

/// @param alpha  x_0
/// @param below  Σ x_i² over i > 0
template <class Real>
ALPHAPRUNE_KERNEL Reflector<Real> reflector_of(Real alpha, Real below) {
    if (!(below > kNegligible<Real>)) {
        return {alpha, 0, 0};
    }
    const Real length = sizeof(Real) == 8 ? Real(__builtin_sqrt(alpha * alpha + below))
                                          : Real(__builtin_sqrtf(alpha * alpha + below));
    const Real beta = alpha > 0 ? -length : length;
    return {beta, (beta - alpha) / beta, 1 / (alpha - beta)};
}

}  // namespace
}  // namespace alphaprune::linalg::two_stage
