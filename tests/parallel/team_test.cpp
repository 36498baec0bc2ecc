#include "alphaprune/parallel/team.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <vector>

#include "alphaprune/support/error.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

using parallel::RowRange;

TEST(Teams, ThereAreAsManyAsItems) {
    const auto teams = [](std::vector<int> nodes, std::int64_t items) {
        return parallel::teams_of_nodes(nodes, items);
    };
    EXPECT_EQ(teams({16}, 128), (std::vector{16}));  // a rank each
    EXPECT_EQ(teams({16}, 16), (std::vector{16}));
    EXPECT_EQ(teams({16}, 4), (std::vector{4}));
    EXPECT_EQ(teams({16}, 1), (std::vector{1}));
    EXPECT_EQ(teams({64, 64}, 16), (std::vector{8, 8}));
    EXPECT_EQ(teams({64, 64}, 1), (std::vector{1, 1}));
    EXPECT_EQ(teams({2, 2, 2, 2}, 3), (std::vector{1, 1, 1, 1}));
    EXPECT_EQ(teams({16, 3}, 8), (std::vector{8, 1}));
}

TEST(Teams, NoRankWaitsForALastRoundThatCanBeShared) {
    // 17 sequences on 16 ranks: two rounds by rank, hardly more than one by teams of 16.
    EXPECT_EQ(parallel::teams_of_nodes(std::vector{16}, 17), (std::vector{1}));
    // Over 160 rounds the last one does not matter.
    EXPECT_EQ(parallel::teams_of_nodes(std::vector{16}, 2561), (std::vector{16}));
}

/// Ranks of a fake node: every second or third one.
parallel::NodeMap spread(int nodes) {
    return {world(), world().split(world().rank() % nodes, world().rank())};
}

TEST(Teams, DivideItemsInOrderOfTheirFirstRanks) {
    for (const int nodes : {1, 2, 3}) {
        const parallel::NodeMap map = spread(nodes);
        for (const std::int64_t items : {1, 2, 3, 7, 64}) {
            const parallel::Teams teams(world(), map, items);
            const RowRange own = teams.items();
            EXPECT_LE(own.size(), teams.rounds());
            const auto begins = world().all_gather(teams.is_first() ? own.begin : -1);
            const auto sizes = world().all_gather(teams.is_first() ? own.size() : 0);
            EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}), items);
            std::int64_t next = 0;
            for (std::size_t rank = 0; rank < begins.size(); ++rank) {
                if (begins[rank] >= 0) {
                    EXPECT_EQ(begins[rank], next);
                    next += sizes[rank];
                }
            }
            // All ranks of a team have its items, and are of one node.
            EXPECT_EQ(teams.own().ranks().max(own.begin), own.begin);
            EXPECT_EQ(teams.own().ranks().min(own.end), own.end);
            EXPECT_LE(teams.own().ranks().size(), map.node().size());
            EXPECT_EQ(world().sum(teams.is_first() ? 1 : 0), teams.count());
        }
    }
}

TEST(Team, SharesItemsThroughCommonMemory) {
    const parallel::ThreadPool threads(2);
    const parallel::Team team(world().duplicate(), threads);
    constexpr std::int64_t kSize = 1000;
    parallel::NodeArray<double> values(team.ranks(), kSize);
    for (int turn = 1; turn <= 20; ++turn) {
        team.share(kSize, [&](std::int64_t item, int) {
            values.values()[static_cast<std::size_t>(item)] += static_cast<double>(item);
        });
        // Each item of the next job reads what others have written.
        double sum = 0;
        for (const double value : values.values()) {
            sum += value;
        }
        EXPECT_EQ(sum, turn * (kSize - 1.0) * kSize / 2);
        team.sync();
    }
}

TEST(Team, SlicesCoverEverything) {
    const parallel::Team team(world().duplicate());
    parallel::NodeArray<float> values(team.ranks(), 130);
    team.share_slices(130, 64, [&](RowRange range) {
        for (std::int64_t i = range.begin; i < range.end; ++i) {
            values.values()[static_cast<std::size_t>(i)] += 1;
        }
    });
    EXPECT_TRUE(std::ranges::all_of(values.values(), [](float value) { return value == 1; }));
}

TEST(Team, AnErrorOfOneItemReachesAllRanks) {
    const parallel::ThreadPool threads(2);
    const parallel::Team team(world().duplicate(), threads);
    const auto fails = [](std::int64_t item, int) {
        if (item == 5) {
            throw support::Error(support::ExitStatus::failed, {{"item 5", "", ""}});
        }
    };
    EXPECT_THROW(team.share(9, fails), support::Error);
    std::atomic<int> done = 0;
    team.share(9, [&](std::int64_t, int) { ++done; });
    EXPECT_EQ(team.ranks().sum(done.load()), 9);
}

}  // namespace
}  // namespace alphaprune::test
