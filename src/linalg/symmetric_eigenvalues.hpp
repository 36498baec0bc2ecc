#pragma once

#include <cstdint>
#include <vector>

#include "matrix.hpp"

namespace alphaprune::linalg {

/// Eigenvalues, ascending, of the symmetric matrix whose lower triangle is given; it is destroyed.
/// Tridiagonal form in one stage (dsyevd).
/// @throws Error (failure) when LAPACK reports one
std::vector<double> eigenvalues_one_stage(Matrix& lower);

/// The same through a banded form: dsytrd_sy2sb, dsytrd_sb2st, dsterf. Nearly all of its work is
/// matrix-matrix products, so it is the faster for large matrices.
std::vector<double> eigenvalues_two_stage(Matrix& lower);

/// Width of the band between the two stages; less than the order, except for order 1.
int bandwidth_for(std::int64_t order);

}  // namespace alphaprune::linalg
