#pragma once

#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/planning/shard_plan.hpp"

namespace alphaprune::phases {

/// The ranks that a rank shares the matrices of one stage with.
struct StageGroup {
    parallel::Communicator ranks;
    bool works = true;  ///< false for ranks of a node that are too few for one more group
    int groups = 0;     ///< that work, on all nodes
};

/// One a stage of the plan. Collective.
/// @param node  the ranks on this rank's node
std::vector<StageGroup> form_groups(const parallel::Communicator& ranks,
                                    const parallel::Communicator& node,
                                    const planning::ShardPlan& plan);

}  // namespace alphaprune::phases
