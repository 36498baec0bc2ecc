#pragma once

#include <cstdint>
#include <map>

#include "alphaprune/commands/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/report/html_report.hpp"
#include "alphaprune/report/run_report.hpp"
#include "alphaprune/schedule/machine_rates.hpp"
#include "alphaprune/schedule/spectrum_phase.hpp"
#include "phase_clock.hpp"

namespace alphaprune {

/// One run of the program on a model: what is asked, what is known so far, and how long it took.
struct Job {
    const Communicator& ranks;
    const Options& options;
    PhaseClock clock;
    Catalogue catalogue;
    RunReport report;
    MachineRates rates = {};
    /// Of predicted times, from the results that were in the output folder.
    std::map<Solver, double> corrections = {};
};

/// Reads the catalogue on rank 0 and hands it to all. Collective. @throws Error
Job read_model(const Communicator& ranks, const Options& options);

/// Makes the output folder ready for so many bytes, starts the log and says what is at hand.
/// Collective. @throws Error
void open_output(Job& job, std::uint64_t bytes_needed);

/// Computes the spectra of all prunable matrices, and what else the metric needs, into the report.
/// Collective.
SpectrumResults measure_spectra(Job& job);

/// Writes report.json, report.html, matrices.csv and metrics/, and tells the user where they are.
/// `spectra` may be null when none was computed. Collective.
void finish_job(Job& job, const SpectrumResults* spectra);

}  // namespace alphaprune
