#pragma once

#include <cstdint>

#include "alphaprune/commands/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/report/html_report.hpp"
#include "alphaprune/report/run_report.hpp"
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
};

/// Bytes that the files of a command will take, given the model.
using OutputSize = std::uint64_t (*)(const Catalogue&);

/// Reads the catalogue on rank 0 and hands it to all, makes the output folder ready and starts the
/// log. Collective. @throws Error
Job begin_job(const Communicator& ranks, const Options& options, OutputSize bytes_needed);

/// Computes the spectra of all prunable matrices into the report. Collective.
SpectrumResults measure_spectra(Job& job);

/// Writes report.json, report.html, matrices.csv and metrics/, and tells the user where they are.
/// `spectra` may be null when none was computed. Collective.
void finish_job(Job& job, const SpectrumResults* spectra);

}  // namespace alphaprune
