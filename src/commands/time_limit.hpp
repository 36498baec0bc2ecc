#pragma once

#include <optional>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/clock.hpp"

namespace alphaprune::commands {

/// Sets the deadline by which this run must have stopped: before --max-time, counted from `start`,
/// is over, and before the batch job that it runs in ends, with some time left for what stopping
/// takes. Collective. @returns that time, in seconds; nothing where there is no limit
std::optional<double> set_time_limit(const parallel::Communicator& ranks,
                                     const cli::Options& options, const support::Stopwatch& start);

/// Seconds to be left for stopping within so many seconds.
double stopping_time(double limit);

}  // namespace alphaprune::commands
