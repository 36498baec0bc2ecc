#pragma once

#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/schedule/shard_plan.hpp"

namespace alphaprune {

/// The ranks that a rank shares the matrices of one stage with.
struct StageGroup {
    Communicator ranks;
    bool works = true;  ///< false for ranks of a node that are too few for one more group
    int groups = 0;     ///< that work, on all nodes
};

/// One a stage of the plan. Collective.
/// @param node  the ranks on this rank's node
std::vector<StageGroup> form_groups(const Communicator& ranks, const Communicator& node,
                                    const ShardPlan& plan);

}  // namespace alphaprune
