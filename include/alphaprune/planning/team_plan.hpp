#pragma once

#include <cstdint>
#include <vector>

#include "alphaprune/planning/shard_plan.hpp"

namespace alphaprune::planning {

/// How the ranks of a cluster share sequences: in teams, as parallel::Teams forms them.
struct TeamPlan {
    /// Teams that are alike.
    struct Kind {
        int ranks = 1;               ///< of each
        std::int64_t sequences = 0;  ///< that each has
        int teams = 0;
    };

    std::int64_t sequences = 0;
    std::int64_t node_sequences = 0;  ///< of the node that has most
    int teams = 0;
    std::vector<Kind> kinds = {};  ///< in order of their first teams

    int least_ranks() const;  ///< of a team
    int most_ranks() const;
    std::int64_t rounds() const;   ///< sequences of a team, at most
    double own_sequences() const;  ///< of the busiest rank: its part of those of its team
};

/// @param cluster    its nodes filled one after another; ranks with cards share no sequence
/// @param sequences  to be divided over them
TeamPlan plan_teams(const Cluster& cluster, std::int64_t sequences);

}  // namespace alphaprune::planning
