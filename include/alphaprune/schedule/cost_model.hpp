#pragma once

#include <cstdint>
#include <vector>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/model/catalogue.hpp"

namespace alphaprune {

/// Estimated work of the spectrum of a rows × cols matrix, in multiply-add pairs at DGEMM speed:
/// n²k/2 for the Gram product's triangle and the solver's multiple of 4/3·n³/2 for the
/// eigenvalues, as measured.
double spectrum_cost(std::int64_t rows, std::int64_t cols, Solver solver);

/// Indices of the catalogue's matrices, the most expensive first; equals in model order.
std::vector<int> longest_first(const Catalogue& catalogue);

}  // namespace alphaprune
