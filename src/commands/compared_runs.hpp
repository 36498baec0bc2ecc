#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/report/comparison.hpp"

namespace alphaprune::commands {

/// Names of the folders of the runs of a finished sweep; nothing where sweep.json is not there, or
/// is not this program's. @throws Error where the file system does not say
std::optional<std::vector<std::string>> runs_of_sweep(const std::filesystem::path& folder);

/// The identity that sweep.json states; empty where it states none. @throws Error
std::string identity_of_sweep_in(const std::filesystem::path& folder);

/// Whether a checkpoint lies in the output folder of a run, in either format.
bool has_checkpoint(const std::filesystem::path& folder);

/// The reports in output folders of runs and sweeps; of an unfinished sweep those of its finished
/// runs. @throws Error (bad_request) with the faults of all folders
std::vector<report::ReportOfRun> reports_in(std::span<const std::filesystem::path> folders);

}  // namespace alphaprune::commands
