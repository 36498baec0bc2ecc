#include "stage_group.hpp"

namespace alphaprune::phases {

std::vector<StageGroup> form_groups(const parallel::Communicator& ranks,
                                    const parallel::Communicator& node,
                                    const planning::ShardPlan& plan) {
    std::vector<StageGroup> groups;
    for (const planning::ShardStage& stage : plan.stages) {
        const parallel::Communicator& among = plan.across_nodes ? ranks : node;
        parallel::Communicator group = among.split(among.rank() / stage.group_ranks, among.rank());
        const bool works = plan.across_nodes || group.size() == stage.group_ranks;
        const int all = ranks.sum(works && group.is_root() ? 1 : 0);
        groups.push_back({std::move(group), works, all});
    }
    return groups;
}

}  // namespace alphaprune::phases
