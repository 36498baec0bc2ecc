#pragma once

#include <cstdint>

#include "alphaprune/linalg/matrix_source.hpp"
#include "matrix.hpp"

namespace alphaprune::linalg {

/// How much of the longer side is read at a time for a Gram matrix of this order. It hangs on the
/// order alone, so that the sums, and with them the bits of the result, do too.
std::int64_t local_panel_depth(std::int64_t order);

/// The smaller Gram matrix of `matrix` in float64, lower triangle.
/// @throws Error (bad_request) for NaN or Inf; whatever `matrix` throws
Matrix local_gram(MatrixSource& matrix);

}  // namespace alphaprune::linalg
