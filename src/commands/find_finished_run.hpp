#pragma once

#include <filesystem>
#include <optional>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/planning/finished_run.hpp"
#include "alphaprune/report/run_report.hpp"

namespace alphaprune::commands {

/// Collective: the report in an output folder. @throws Error
report::RunReport report_in(const parallel::Communicator& ranks,
                            const std::filesystem::path& folder);

/// Collective: the same, or nothing where there is no report that can be read.
std::optional<report::RunReport> former_report(const parallel::Communicator& ranks,
                                               const std::filesystem::path& folder);

/// Model, texts and options are those of the report's command line. Collective.
/// @param now  may say with --model where the model is now
/// @throws Error when one of them is no longer where it was
planning::FinishedRun finished_run(const parallel::Communicator& ranks,
                                   const std::filesystem::path& folder, const cli::Options& now);

}  // namespace alphaprune::commands
