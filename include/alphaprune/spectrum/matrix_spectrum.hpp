#pragma once

#include <optional>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/spectrum/metrics.hpp"

namespace alphaprune::spectrum {

/// What is known of one matrix once its spectrum has been computed.
struct MatrixSpectrum {
    ShapeMetrics metrics;  ///< rounded to 10 digits
    linalg::Solver solver{};
    std::optional<linalg::Solver> failed_solver;  ///< one that failed before
    bool in_single = false;  ///< computed in float32; metrics that need float64 are NaN
    int group_ranks = 1;
    double seconds = 0;
    int owner = 0;  ///< the rank that keeps the eigenvalues
};

}  // namespace alphaprune::spectrum
