#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/parallel/work_clock.hpp"

namespace alphaprune::report {

/// How the ranks shared the work of one decoder block.
struct BlockTimeline {
    int block = 0;
    double seconds = 0;  ///< of the rank that took longest, waiting included
    double least_busy = 0;
    double mean_busy = 0;  ///< seconds that a rank was busy: least, mean, most
    double most_busy = 0;
    int slowest_rank = 0;  ///< that was busy most
};

/// What the ranks spent a phase on.
struct TimelineReport {
    double seconds = 0;
    /// By kind of work (parallel::Work), one value per rank.
    std::array<std::vector<double>, parallel::kWorks> of_ranks{};
    std::vector<BlockTimeline> blocks = {};  ///< in order
    std::string least_busy_host = {};

    std::size_t ranks() const { return of_ranks.front().size(); }
    parallel::WorkSeconds rank(std::size_t number) const;
    /// Of its time, what a rank did not wait; 1 where it had none.
    double busy_share(std::size_t rank) const;
    /// The first of those; 0 where there is no rank.
    std::size_t least_busy_rank() const;
    double least_busy_share() const { return ranks() > 0 ? busy_share(least_busy_rank()) : 1; }
    double mean_busy_share() const;
    /// Of all ranks' time, the part of one kind.
    double share_of(parallel::Work work) const;
};

/// @param times  of each rank, with the same blocks
/// @param hosts  of each rank
TimelineReport timeline_of(std::span<const parallel::RankTimes> times,
                           std::span<const std::string> hosts);

/// "prune: ranks busy 93 % on average, least 88 % (rank 17 on n3); read 2 %, forward 71 %, …": of
/// the time of all ranks; kinds of less than a hundredth are left out.
std::string timeline_line(std::string_view phase, const TimelineReport& timeline);

}  // namespace alphaprune::report
