#pragma once

#include <cstdint>
#include <map>
#include <span>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/planning/machine_rates.hpp"

namespace alphaprune::planning {

/// Estimated work of the spectrum of a rows × cols matrix, in floating-point operations at DGEMM
/// speed, with n = min(rows, cols) and k = max(rows, cols): n²k for one triangle of the Gram
/// product, 4/3·n³ for the eigenvalues, each with the multiple that the solver was measured to
/// need, and what grows with n² and n.
double spectrum_cost(std::int64_t rows, std::int64_t cols, linalg::Solver solver);

/// The spectrum of one matrix as work for a group of ranks.
struct SpectrumTask {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::uint64_t stored_bytes = 0;
    linalg::Solver solver{};
    int group_ranks = 1;
};

/// A finished one, and how long it took.
struct TimedSpectrum {
    SpectrumTask task;
    double seconds = 0;
};

/// Predicts how long spectra take.
struct CostModel {
    MachineRates rates;
    linalg::Precision precision = linalg::Precision::in_double;  ///< automatic counts as float32
    bool generated = false;  ///< weights are made by the ranks, not read
    /// Measured over predicted time of a solver on this machine; 1 where nothing is known.
    std::map<linalg::Solver, double> corrections = {};

    /// Reading, Gram product and eigenvalues.
    double seconds(const SpectrumTask& task) const;
    /// Reading alone.
    double reading_seconds(const SpectrumTask& task) const;
};

/// The model with corrections that make it agree, solver by solver, with the sum of what was
/// measured: the spectra of a former run, at that run's rates.
CostModel corrected(CostModel model, std::span<const TimedSpectrum> measured);

}  // namespace alphaprune::planning
