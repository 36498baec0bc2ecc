#include "alphaprune/planning/team_plan.hpp"

#include <algorithm>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/team.hpp"

namespace alphaprune::planning {
namespace {

std::vector<int> ranks_of_nodes(const Cluster& cluster) {
    std::vector<int> nodes;
    for (int first = 0; first < cluster.ranks; first += cluster.ranks_per_node) {
        nodes.push_back(std::min(cluster.ranks_per_node, cluster.ranks - first));
    }
    return nodes;
}

void count_team(std::vector<TeamPlan::Kind>& kinds, int ranks, std::int64_t sequences) {
    const auto known = std::ranges::find_if(kinds, [&](const TeamPlan::Kind& kind) {
        return kind.ranks == ranks && kind.sequences == sequences;
    });
    if (known == kinds.end()) {
        kinds.push_back({ranks, sequences, 1});
    } else {
        ++known->teams;
    }
}

}  // namespace

int TeamPlan::least_ranks() const {
    return std::ranges::min_element(kinds, {}, &Kind::ranks)->ranks;
}

int TeamPlan::most_ranks() const {
    return std::ranges::max_element(kinds, {}, &Kind::ranks)->ranks;
}

std::int64_t TeamPlan::rounds() const {
    return std::ranges::max_element(kinds, {}, &Kind::sequences)->sequences;
}

double TeamPlan::own_sequences() const {
    double most = 0;
    for (const Kind& kind : kinds) {
        most = std::max(most, static_cast<double>(kind.sequences) / kind.ranks);
    }
    return most;
}

TeamPlan plan_teams(const Cluster& cluster, std::int64_t sequences) {
    const std::vector<int> nodes = ranks_of_nodes(cluster);
    const std::vector<int> teams =
        cluster.has_card_a_rank() ? nodes : parallel::teams_of_nodes(nodes, sequences);
    TeamPlan plan;
    plan.sequences = sequences;
    for (const int of_node : teams) {
        plan.teams += of_node;
    }
    int number = 0;
    for (std::size_t node = 0; node < nodes.size(); ++node) {
        std::int64_t of_node = 0;
        for (int team = 0; team < teams[node]; ++team, ++number) {
            const auto ranks = parallel::share_of(nodes[node], teams[node], team).size();
            const auto own = parallel::share_of(sequences, plan.teams, number).size();
            count_team(plan.kinds, static_cast<int>(ranks), own);
            of_node += own;
        }
        plan.node_sequences = std::max(plan.node_sequences, of_node);
    }
    return plan;
}

}  // namespace alphaprune::planning
