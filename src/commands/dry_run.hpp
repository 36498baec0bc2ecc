#pragma once

#include <cstdint>

#include "alphaprune/planning/plan_report.hpp"
#include "job.hpp"

namespace alphaprune::commands {

/// Collective: what the run or the sweep that these options describe takes on a cluster, by rates
/// that they give or that are measured here.
planning::PlanReport make_plan(const parallel::Communicator& ranks, const cli::Options& options);

/// For --dry-run: after everything that can be wrong was found, checks the output folder, writes
/// nothing, and prints what would be done and how long it would take. Collective.
/// @param bytes_needed  that the output would have at most
/// @throws Error (bad_request) where the output cannot be made
support::ExitStatus show_without_doing(const Job& job, std::uint64_t bytes_needed);

}  // namespace alphaprune::commands
