#pragma once

#include "chase_kernel.hpp"

namespace alphaprune::linalg::two_stage {
namespace {

/// @tparam Rows, Vectors  what of C a product holds in registers
template <class Real, int Lanes, int Rows, int Vectors>
constexpr Kernels<Real> kernels_for() {
    using S = Simd<Real, Lanes>;
    return {product<S, Rows, Vectors, Sign::plus, Real>,
            product<S, Rows, Vectors, Sign::minus, Real>, factor_panel<S, Rows, Vectors, Real>,
            chase_bulges<S, Real>};
}

}  // namespace
}  // namespace alphaprune::linalg::two_stage
