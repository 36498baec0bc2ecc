#pragma once

#include <string>

#include "alphaprune/report/timeline.hpp"

namespace alphaprune::report {

/// The kinds of work, their colors and their shares of all ranks' time.
std::string work_legend(const TimelineReport& timeline);

/// Inline SVG: a bar per rank, or per group of neighboring ranks where they are many (its mean), of
/// the seconds of each kind of work. @pre there are ranks
std::string rank_timeline(const TimelineReport& timeline);

/// Seconds of every decoder block, and how long its ranks were busy; empty without blocks.
/// @param phase  fit for HTML
std::string block_timeline_figure(const TimelineReport& timeline, const std::string& phase);

}  // namespace alphaprune::report
