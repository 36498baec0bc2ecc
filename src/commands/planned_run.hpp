#pragma once

#include <filesystem>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/planning/finished_run.hpp"
#include "alphaprune/planning/plan_report.hpp"

namespace alphaprune::commands {

// What `plan` predicts, and from what. All of these are collective.

/// The run that these options describe. A short name of a model stands for its public shape,
/// whether its weights are here or not. @throws Error
planning::PlannedRun planned_run(const parallel::Communicator& ranks, const cli::Options& options);

/// The finished run in an output folder: model, texts and options are those of its command line.
/// @param now  may say with --model where the model is now
/// @throws Error when one of them is no longer where it was
planning::FinishedRun finished_run(const parallel::Communicator& ranks,
                                   const std::filesystem::path& folder, const cli::Options& now);

/// The rates that the request gives; the others measured on these ranks, or assumed.
/// @param weights  whether the weights of the catalogue can be read, or generated, here
planning::KnownRates rates_for(const parallel::Communicator& ranks, const cli::Options& options,
                               const model::Catalogue& catalogue, bool weights);

}  // namespace alphaprune::commands
