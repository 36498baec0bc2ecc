#pragma once

#include <cstdint>
#include <vector>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/model/catalogue.hpp"

namespace alphaprune {

/// Estimated work of the spectrum of a rows × cols matrix, in floating-point operations at DGEMM
/// speed: n²k for one triangle of the Gram product, and the solver's measured multiple of 4/3·n³
/// for the eigenvalues, with n = min(rows, cols) and k = max(rows, cols).
double spectrum_cost(std::int64_t rows, std::int64_t cols, Solver solver);

/// Indices of the catalogue's matrices, the most expensive first; equals in model order.
std::vector<int> longest_first(const Catalogue& catalogue);

}  // namespace alphaprune
