#include "stage_group.hpp"

namespace alphaprune {

std::vector<StageGroup> form_groups(const Communicator& ranks, const Communicator& node,
                                    const ShardPlan& plan) {
    std::vector<StageGroup> groups;
    for (const ShardStage& stage : plan.stages) {
        const Communicator& among = plan.across_nodes ? ranks : node;
        Communicator group = among.split(among.rank() / stage.group_ranks, among.rank());
        const bool works = plan.across_nodes || group.size() == stage.group_ranks;
        const int all = ranks.sum(works && group.is_root() ? 1 : 0);
        groups.push_back({std::move(group), works, all});
    }
    return groups;
}

}  // namespace alphaprune
