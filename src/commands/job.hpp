#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/job_watch.hpp"
#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/planning/machine_rates.hpp"
#include "alphaprune/report/html_report.hpp"
#include "alphaprune/report/run_report.hpp"
#include "alphaprune/resume/journal.hpp"
#include "phase_clock.hpp"

namespace alphaprune::commands {

/// One run of the program on a model: what is asked, what is known so far, and how long it took.
struct Job {
    const parallel::Communicator& ranks;
    const cli::Options& options;
    parallel::JobWatch& watch;
    PhaseClock clock;
    model::Catalogue catalogue;
    report::RunReport report;
    planning::MachineRates rates = {};
    /// Of predicted times, from the results that were in the output folder.
    std::map<linalg::Solver, double> corrections = {};
    std::optional<resume::Journal> journal = {};  ///< once the output is open
    std::set<std::string> said = {};  ///< notes of the report that the user has read already

    /// Takes warnings into the report that the user has read already.
    void note_said(const std::vector<std::string>& warnings);
};

/// Reads the catalogue on rank 0 and hands it to all. Collective. @throws Error
Job read_model(const parallel::Communicator& ranks, const cli::Options& options,
               parallel::JobWatch& watch);

/// Of all eigenvalues of the model.
std::uint64_t bytes_of_spectra(const model::Catalogue& catalogue);

/// Makes the output folder ready for so many bytes, with a journal of the run or that of the run
/// that is to be resumed, starts the log and says what is at hand. Collective.
/// @param identity   of this run
/// @param sequences  of calibration
/// @return false when the run to be resumed is complete: nothing is left to do
/// @throws Error
bool open_output(Job& job, const resume::RunIdentity& identity, std::int64_t sequences,
                 std::uint64_t bytes_needed);

/// Does the work of a job whose output is open. Where it ends because the request or the model is
/// wrong before anything was computed, what it has made is removed: nobody misses it. Anything that
/// was computed stays, to be gone on with. Collective.
void work_on(const Job& job, const std::function<void()>& work);

/// Computes the spectra of all prunable matrices, and what else the metric needs, into the report.
/// Collective.
phases::SpectrumResults measure_spectra(Job& job);

/// Writes report.json, report.html, matrices.csv and metrics/, and tells the user where they are.
/// `spectra` may be null when none was computed. The run is complete then: its journal goes.
/// Collective.
void finish_job(Job& job, const phases::SpectrumResults* spectra);

}  // namespace alphaprune::commands
