#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/linalg/matrix_source.hpp"

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

std::int64_t count_nonfinite(std::span<const double> values);
std::int64_t count_nonfinite(std::span<const float> values);

/// @throws Error (bad_request) that names the matrix, unless `nonfinite` is zero
void refuse_nonfinite(std::int64_t nonfinite, const MatrixSource& matrix);

}  // namespace alphaprune::linalg
