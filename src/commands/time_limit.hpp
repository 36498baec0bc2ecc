#pragma once

#include <optional>

#include "alphaprune/commands/options.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/support/clock.hpp"

namespace alphaprune {

/// Sets the deadline by which this run must have stopped: before --max-time, counted from `start`,
/// is over, and before the batch job that it runs in ends, with some time left for what stopping
/// takes. Collective. @returns that time, in seconds; nothing where there is no limit
std::optional<double> set_time_limit(const Communicator& ranks, const Options& options,
                                     const Stopwatch& start);

/// Seconds to be left for stopping within so many seconds.
double stopping_time(double limit);

}  // namespace alphaprune
