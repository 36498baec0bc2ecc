#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace alphaprune {

/// A power law fitted to the tail of a spectrum.
struct PowerLawFit {
    std::size_t start = 0;  ///< index of the first eigenvalue in the tail
    double alpha = 0;       ///< Hill estimate of the exponent
    double distance = 0;    ///< Kolmogorov–Smirnov distance
};

/// Hill estimate with the tail starting at index `start`, which is in the tail; NaN when the
/// eigenvalue there is not positive or the tail is constant.
double hill_alpha(std::span<const double> ascending, std::size_t start);

/// Kolmogorov–Smirnov distance of the fit with that start and exponent.
double ks_distance(std::span<const double> ascending, std::size_t start, double alpha);

/// The start of least distance among candidate starts [first, last); the first of equals.
/// Nothing when no candidate has a finite alpha > 1.
std::optional<PowerLawFit> best_fit(std::span<const double> ascending, std::size_t first,
                                    std::size_t last);

}  // namespace alphaprune
