#pragma once

#include "alphaprune/cli/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/planning/plan_report.hpp"

namespace alphaprune::commands {

/// The run that these options describe. A short name of a model stands for its public shape,
/// whether its weights are here or not. Collective. @throws Error
planning::PlannedRun planned_run(const parallel::Communicator& ranks, const cli::Options& options);

}  // namespace alphaprune::commands
