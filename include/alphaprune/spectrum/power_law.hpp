#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace alphaprune::spectrum {

/// A power law fitted to the tail of a spectrum.
struct PowerLawFit {
    std::size_t start = 0;  ///< index of the first eigenvalue in the tail
    double alpha = 0;       ///< Hill estimate of the exponent
    double distance = 0;    ///< Kolmogorov–Smirnov distance
};

/// The power-law fits of one spectrum, for any tail of it.
class TailFits {
  public:
    /// @param ascending  eigenvalues; not needed afterwards
    explicit TailFits(std::span<const double> ascending);

    /// Hill estimate with the tail starting at index `start`, which is in the tail; NaN when the
    /// eigenvalue there is not positive or the tail is constant.
    double alpha(std::size_t start) const;

    /// The start of least distance among candidate starts [first, last); the first of equals.
    /// Nothing when no candidate has a finite alpha > 1. The same bits as the double loop over all
    /// candidates and all eigenvalues, at a few exponentials per candidate.
    std::optional<PowerLawFit> best(std::size_t first, std::size_t last) const;

  private:
    std::vector<double> logs_;
    std::vector<double> excesses_;
};

}  // namespace alphaprune::spectrum
