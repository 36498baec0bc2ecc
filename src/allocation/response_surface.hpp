#pragma once

#include <span>
#include <vector>

namespace alphaprune::allocation {

/// A noisy function of a few coordinates near the origin, as a sum of one parabola for each:
/// f(x) = level + Σ slopeᵢ·xᵢ + ½·Σ curvatureᵢ·xᵢ².
struct ResponseSurface {
    double level = 0;
    std::vector<double> slopes;
    std::vector<double> curvatures;

    double at(std::span<const double> x) const;
    /// Where it is least, no coordinate farther than `reach` from the origin.
    std::vector<double> least(double reach) const;
};

/// What is thought of the parabolas before anything is known, and how far a value may be off.
struct SurfacePrior {
    double noise = 0.008;
    double slope = 0.06;             ///< standard deviation around 0
    double curvature = 0.04;         ///< mean
    double curvature_spread = 0.03;  ///< standard deviation
};

/// The most likely surface, given the prior and some values: all of them together average the noise
/// out. (Bayesian linear regression; the level is free.)
/// @param points  one for each value, all of one dimension
ResponseSurface fitted_surface(std::span<const std::vector<double>> points,
                               std::span<const double> values, const SurfacePrior& prior = {});

}  // namespace alphaprune::allocation
