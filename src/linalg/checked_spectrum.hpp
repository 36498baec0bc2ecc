#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/support/error.hpp"
#include "matrix.hpp"

namespace alphaprune::linalg {

/// What the eigenvalues of a matrix must add up to. The libraries of this area have been seen to
/// report success with wrong values (ELPA given one triangle), so every result is checked.
struct GramMoments {
    double trace = 0;
    double relative_frobenius_sq = 0;  ///< Σ (g_ij / trace)²: scaled, so that it cannot overflow
    double tolerance = 1e-9;  ///< of both, relative; rounding stays below 1e-12 up to order 10^4
};

/// Moments of the symmetric matrix whose lower triangle is given.
GramMoments moments_of(const Matrix& lower);

/// Solvers may run for ever on infinities, so this comes before them.
/// @throws Error (bad_request) naming the matrix when its Gram matrix left float64's range
void refuse_overflow(const GramMoments& moments, const std::string& matrix);

/// The eigenvalues of a Gram matrix as they may be handed on: those below zero by rounding set to
/// 0.
/// @throws Error (failure) naming solver and matrix when they are not finite or do not fit the
///         matrix they were computed from
std::vector<double> checked_spectrum(std::vector<double> eigenvalues, const GramMoments& moments,
                                     Solver solver, const std::string& matrix);

/// @throws Error (failure) that names a routine of LAPACK or ScaLAPACK, unless `info` is zero
void require_success(std::string_view routine, int info);

/// A failed solver's error as the user should see it: with the solver and the matrix in it.
support::Error solver_failure(const support::Error& error, Solver solver,
                              const std::string& matrix);

}  // namespace alphaprune::linalg
