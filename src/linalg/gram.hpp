#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "alphaprune/linalg/matrix_source.hpp"
#include "matrix.hpp"

namespace alphaprune::linalg {

/// The smaller Gram matrix of W: W Wᵀ when W is wide, Wᵀ W when it is tall. Its `order` is the
/// shorter side of W; the longer one, `depth`, is summed over.
struct GramShape {
    std::int64_t order = 0;
    std::int64_t depth = 0;
    bool wide = true;

    /// @throws Error (bad_request) for a matrix without values
    static GramShape of(const MatrixSource& matrix);

    /// The part of W that lies at these indices of the Gram matrix and of the sum.
    Rectangle part(std::int64_t order_begin, std::int64_t order_end, std::int64_t depth_begin,
                   std::int64_t depth_end) const;
};

template <class Real>
std::int64_t count_nonfinite(std::span<const Real> values) {
    return std::ranges::count_if(values, [](Real value) { return !std::isfinite(value); });
}

/// @throws Error (bad_request) that names the matrix, unless `nonfinite` is zero
void refuse_nonfinite(std::int64_t nonfinite, const MatrixSource& matrix);

/// How much of the longer side is read at a time for a Gram matrix of this order. It
/// depends on the order alone, and so do the sums and with them the bits of the result.
std::int64_t local_panel_depth(std::int64_t order);

/// The smaller Gram matrix of `matrix` in float64, lower triangle.
/// @throws Error (bad_request) for NaN or Inf; whatever `matrix` throws
Matrix local_gram(MatrixSource& matrix);

}  // namespace alphaprune::linalg
