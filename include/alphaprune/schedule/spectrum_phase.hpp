#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/spectrum/metrics.hpp"

namespace alphaprune {

/// What is known of one matrix once its spectrum has been computed. The same on every rank.
struct MatrixSpectrum {
    ShapeMetrics metrics;  ///< rounded to 10 digits
    Solver solver{};
    bool in_single = false;  ///< computed in float32; metrics that do not stand it are NaN
    int group_ranks = 1;
    double seconds = 0;
    int owner = 0;  ///< the rank that keeps the eigenvalues
};

struct SpectrumOptions {
    std::optional<Solver> solver;    ///< nothing: chosen for each matrix
    std::optional<int> group_ranks;  ///< ranks that share one matrix, for solvers that can
    /// Of solvers that have a choice.
    Precision precision = Precision::in_double;
    bool keep_eigenvalues = true;    ///< keep them for the checkpoint and the report
};

/// Called on rank 0 from time to time: matrices done so far, of how many.
using Progress = std::function<void(std::int64_t done, std::int64_t total)>;

struct SpectrumResults {
    std::vector<MatrixSpectrum> matrices;  ///< as in Catalogue::matrices
    /// Eigenvalues of the matrices this rank owns; empty for the others.
    std::vector<std::vector<double>> eigenvalues;
};

/// Computes the spectra and shape metrics of all prunable matrices: groups of ranks take the
/// matrices one by one, the longest first, whoever is free takes the next. Collective. The metrics
/// do not depend on the number of ranks.
/// @throws Error on all ranks: unreadable weights, NaN or Inf (every matrix concerned is named)
SpectrumResults compute_spectra(const Communicator& ranks, const Catalogue& catalogue,
                                const SpectrumOptions& options, const Progress& progress);

}  // namespace alphaprune
