#include "alphaprune/planning/team_plan.hpp"

#include <gtest/gtest.h>

namespace alphaprune::planning {
namespace {

TEST(TeamPlan, RanksBeyondTheSequencesShareThem) {
    const TeamPlan plan = plan_teams({512, 64, {}}, 128);
    EXPECT_EQ(plan.teams, 128);
    ASSERT_EQ(plan.kinds.size(), 1U);
    EXPECT_EQ(plan.kinds[0].ranks, 4);
    EXPECT_EQ(plan.kinds[0].sequences, 1);
    EXPECT_EQ(plan.node_sequences, 16);
    EXPECT_DOUBLE_EQ(plan.own_sequences(), 0.25);
}

TEST(TeamPlan, EveryRankIsInATeamAndEverySequenceHasOne) {
    for (const Cluster& cluster : {Cluster{7, 3, {}}, Cluster{16, 16, {}}, Cluster{100, 64, {}}}) {
        for (const std::int64_t sequences : {1, 5, 17, 128, 1000}) {
            const TeamPlan plan = plan_teams(cluster, sequences);
            int ranks = 0;
            int teams = 0;
            std::int64_t shared = 0;
            for (const TeamPlan::Kind& kind : plan.kinds) {
                ranks += kind.teams * kind.ranks;
                teams += kind.teams;
                shared += kind.teams * kind.sequences;
                EXPECT_LE(kind.ranks, cluster.ranks_per_node);
            }
            EXPECT_EQ(ranks, cluster.ranks);
            EXPECT_EQ(teams, plan.teams);
            EXPECT_EQ(shared, sequences);
            EXPECT_LE(plan.node_sequences, sequences);
        }
    }
}

TEST(TeamPlan, MoreNodesThanSequencesLeaveSomeIdle) {
    const TeamPlan plan = plan_teams({1024, 4, {}}, 128);
    EXPECT_EQ(plan.rounds(), 1);
    EXPECT_EQ(plan.node_sequences, 1);
    EXPECT_EQ(plan.most_ranks(), 4);
}

}  // namespace
}  // namespace alphaprune::planning
