#pragma once

#include <optional>
#include <span>

namespace alphaprune::spectrum {

/// Where a spectrum is densest: the left edge, as an eigenvalue, of the fullest of 100 equal bins
/// of log10 λ between its least and its greatest value; of equally full bins the first. Eigenvalues
/// that are not positive have no logarithm and are left out. Nothing when fewer than two different
/// eigenvalues remain.
///
/// @param ascending  eigenvalues
std::optional<double> histogram_peak(std::span<const double> ascending);

}  // namespace alphaprune::spectrum
