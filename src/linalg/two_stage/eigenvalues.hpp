#pragma once

#include <cstdint>
#include <vector>

#include "matrix.hpp"

namespace alphaprune::two_stage {

/// Eigenvalues, ascending, of a positive semidefinite matrix whose lower triangle is given; its
/// memory is released on the way. Dense → band by products of tiles, band → tridiagonal by chasing
/// bulges within the cache, both in Real; then dsterf in float64.
/// @throws Error (failure) when there is no memory or dsterf fails
template <class Real>
std::vector<double> eigenvalues(BasicMatrix<Real> lower);

/// Bytes at most alive at once, the given matrix not counted.
template <class Real>
std::uint64_t eigenvalues_memory(std::int64_t order);

}  // namespace alphaprune::two_stage
