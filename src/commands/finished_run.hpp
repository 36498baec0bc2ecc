#pragma once

#include <filesystem>
#include <map>
#include <optional>

#include "alphaprune/report/run_report.hpp"
#include "planned_run.hpp"

namespace alphaprune {

/// A run that has been, as its report has it, and what could have been known of it before.
struct FinishedRun {
    RunReport report;
    PlannedRun run;
};

/// Collective: the report in an output folder. @throws Error
RunReport report_in(const Communicator& ranks, const std::filesystem::path& folder);

/// Collective: the same, or nothing where there is no report that can be read.
std::optional<RunReport> former_report(const Communicator& ranks,
                                       const std::filesystem::path& folder);

/// Model, texts and options are those of the report's command line. Collective.
/// @param now  may say with --model where the model is now
/// @throws Error when one of them is no longer where it was
FinishedRun finished_run(const Communicator& ranks, const std::filesystem::path& folder,
                         const Options& now);

/// What the run could have been predicted by: the rates of this machine, at the DGEMM rate that the
/// run itself measured.
CostModel model_then(const FinishedRun& finished, const MachineRates& here);

/// Seconds of a phase; nothing when the run had none. Calibration is part of pruning, and all that
/// is not booked under another phase is part of the start.
std::optional<double> measured_seconds(const RunReport& report, Phase phase);
double predicted_seconds(const RunForecast& predicted, Phase phase);

/// Measured over predicted time of the solvers that the run used.
std::map<Solver, double> solver_corrections(const RunReport& report, const MachineRates& here);
/// Measured over predicted time of phases other than start and spectrum.
std::map<Phase, double> phase_corrections(const FinishedRun& finished, const MachineRates& here);

}  // namespace alphaprune
