#pragma once

#include <optional>

#include "alphaprune/phases/spectrum_phase.hpp"

namespace alphaprune::phases {

/// How a matrix' spectrum came about.
struct SolvedSpectrum {
    linalg::GramSpectrum spectrum;
    linalg::Solver solver{};
    std::optional<linalg::Solver> failed_solver = {};  ///< that was tried first
    int group_ranks = 1;
    double seconds = 0;
};

/// Metrics and eigenvalues into the results and the journal. Several threads may do so at once,
/// each with other matrices.
/// @param owner  of the results: this rank
void record_spectrum(const SpectrumOptions& options, SpectrumResults& results, int owner,
                     int matrix, SolvedSpectrum solved);

}  // namespace alphaprune::phases
