#include "stage_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace alphaprune::planning {
namespace {

/// One stage, the long way round: every item looks at every group of every node.
void work_off_plainly(std::vector<double>& free_at, int ranks_per_node, int group,
                      const std::vector<double>& seconds) {
    std::vector<std::vector<std::size_t>> groups;
    const auto ranks = static_cast<int>(free_at.size());
    for (int rank = 0; rank < ranks; ++rank) {
        const int place = rank % ranks_per_node;
        const int node_end = std::min(rank - place + ranks_per_node, ranks);
        if (place % group == 0 && rank + group <= node_end) {
            groups.emplace_back();
            for (int member = 0; member < group; ++member) {
                groups.back().push_back(static_cast<std::size_t>(rank + member));
            }
        }
    }
    const auto ready = [&](const std::vector<std::size_t>& members) {
        double latest = 0;
        for (const std::size_t member : members) {
            latest = std::max(latest, free_at[member]);
        }
        return latest;
    };
    const auto set = [&](const std::vector<std::size_t>& members, double time) {
        for (const std::size_t member : members) {
            free_at[member] = time;
        }
    };
    for (const double item : seconds) {
        const auto* first = &groups.front();
        for (const auto& members : groups) {
            first = ready(members) < ready(*first) ? &members : first;
        }
        set(*first, ready(*first) + item);
    }
    for (const auto& members : groups) {
        set(members, ready(members));
    }
}

struct Draw {
    std::mt19937 generator;

    int whole(int low, int high) { return std::uniform_int_distribution(low, high)(generator); }
    double share() { return std::uniform_real_distribution(0.0, 1.0)(generator); }
};

/// A few items of a few kinds on a few nodes, some of which need groups.
StageProblem drawn_problem(unsigned seed) {
    Draw draw{std::mt19937(seed)};
    StageProblem problem;
    problem.ranks_per_node = draw.whole(1, 6);
    problem.ranks = draw.whole(problem.ranks_per_node, 14);
    for (int size = 2; size <= problem.ranks_per_node; ++size) {
        if (draw.share() < 0.7) {
            problem.group_sizes.push_back(size);
        }
    }
    const int kinds = draw.whole(1, 4);
    std::vector<double> alone;
    for (int kind = 0; kind < kinds; ++kind) {
        alone.push_back(0.5 + 10 * draw.share());
    }
    std::ranges::sort(alone, std::greater{});
    for (int kind = 0; kind < kinds; ++kind) {
        auto& row = problem.seconds.emplace_back();
        for (const int size : problem.group_sizes) {
            row.push_back(alone[static_cast<std::size_t>(kind)] *
                          (0.1 + 0.9 * (1 + 0.05 * (size - 1)) / size));
        }
        problem.least_size.push_back(draw.share() < 0.2
                                         ? static_cast<std::size_t>(draw.whole(
                                               0, static_cast<int>(problem.group_sizes.size()) - 1))
                                         : 0);
        for (int copies = draw.whole(1, 5); copies > 0; --copies) {
            problem.kinds.push_back(static_cast<std::size_t>(kind));
        }
    }
    return problem;
}

double makespan_plainly(const StageProblem& problem, StageChoice choice) {
    std::vector<double> free_at(static_cast<std::size_t>(problem.ranks));
    for (std::size_t size = problem.group_sizes.size(); size-- > 0;) {
        std::vector<double> seconds;
        for (std::size_t item = 0; item < problem.kinds.size(); ++item) {
            const std::size_t kind = problem.kinds[item];
            const std::size_t own = item < choice.items ? choice.size : 0;
            if (std::max(own, problem.least_size[kind]) == size) {
                seconds.push_back(problem.seconds[kind][size]);
            }
        }
        if (!seconds.empty()) {
            work_off_plainly(free_at, problem.ranks_per_node, problem.group_sizes[size], seconds);
        }
    }
    return *std::ranges::max_element(free_at);
}

double makespan_of(const StageProblem& problem, StageChoice choice) {
    return simulated(problem, stages_of(problem, choice)).seconds;
}

TEST(SimulatedRanks, OneStageIsListScheduling) {
    SimulatedRanks ranks(3, 3);
    const std::vector<double> seconds{5, 4, 3, 2, 1};
    ranks.run_stage(1, seconds);  // 5; 4, 1; 3, 2
    EXPECT_EQ(ranks.makespan(), 5);
    EXPECT_EQ(ranks.busy(), 15);
    ranks.run_stage(3, std::vector<double>{2.0});  // all three wait for the last
    EXPECT_EQ(ranks.makespan(), 7);
    EXPECT_EQ(ranks.busy(), 21);
}

TEST(SimulatedRanks, GroupsStayWithinNodesAndTheRestPassBy) {
    SimulatedRanks ranks(8, 3);  // nodes of 3, 3 and 2: three pairs, two single ranks
    ranks.run_stage(2, std::vector<double>{6, 6, 6});
    EXPECT_EQ(ranks.makespan(), 6);
    ranks.run_stage(1, std::vector<double>{4, 4, 1});  // the two that passed by take them
    EXPECT_EQ(ranks.makespan(), 6);
    ranks.run_stage(1, std::vector<double>{3});
    EXPECT_EQ(ranks.makespan(), 7);
}

TEST(SimulatedRanks, AnyNumberOfIdleRanksChangesNothing) {
    for (const int ranks : {5, 50, 5000}) {
        SimulatedRanks many(ranks, 5);
        many.run_stage(5, std::vector<double>{3});
        many.run_stage(1, std::vector<double>{2, 1});
        EXPECT_EQ(many.makespan(), ranks == 5 ? 5 : 3);
    }
}

TEST(StageSearch, SimulatesWhatTheLongWayRoundFinds) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        const StageProblem problem = drawn_problem(seed);
        for (std::size_t size = 0; size < problem.group_sizes.size(); ++size) {
            for (std::size_t items = 0; items <= problem.kinds.size(); ++items) {
                const StageChoice choice{items, size};
                EXPECT_NEAR(makespan_of(problem, choice), makespan_plainly(problem, choice), 1e-12)
                    << seed;
            }
        }
    }
}

TEST(StageSearch, FindsTheBestOfAllChoices) {
    int grouped = 0;
    for (unsigned seed = 0; seed < 500; ++seed) {
        const StageProblem problem = drawn_problem(seed);
        const double without = makespan_of(problem, {});
        double least = without;
        for (std::size_t size = 1; size < problem.group_sizes.size(); ++size) {
            for (std::size_t items = 1; items <= problem.kinds.size(); ++items) {
                least = std::min(least, makespan_of(problem, {items, size}));
            }
        }
        const StageChoice found = best_choice(problem);
        if (least < 0.9 * without) {
            EXPECT_DOUBLE_EQ(makespan_of(problem, found), least) << seed;
            ++grouped;
        } else {
            EXPECT_EQ(found, StageChoice{}) << seed;
        }
    }
    EXPECT_GT(grouped, 50);
    EXPECT_LT(grouped, 450);
}

TEST(StageSearch, EveryItemIsInOneStageThatItFits) {
    for (unsigned seed = 0; seed < 100; ++seed) {
        const StageProblem problem = drawn_problem(seed);
        std::vector<int> seen(problem.kinds.size());
        std::size_t last_size = problem.group_sizes.size();
        for (const ItemStage& stage : stages_of(problem, best_choice(problem))) {
            EXPECT_LT(stage.size, last_size);
            last_size = stage.size;
            EXPECT_TRUE(std::ranges::is_sorted(stage.items));
            for (const std::size_t item : stage.items) {
                ++seen[item];
                EXPECT_GE(stage.size, problem.least_size[problem.kinds[item]]);
            }
        }
        EXPECT_TRUE(std::ranges::all_of(seen, [](int times) { return times == 1; }));
    }
}

}  // namespace
}  // namespace alphaprune::planning
