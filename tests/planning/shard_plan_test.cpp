#include "alphaprune/planning/shard_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "alphaprune/support/error.hpp"

namespace alphaprune::planning {
namespace {

PlannedShape shape(std::int64_t rows, std::int64_t cols) {
    return {"m" + std::to_string(rows) + "x" + std::to_string(cols), rows, cols,
            static_cast<std::uint64_t>(2 * rows * cols)};
}

/// The matrices of that many blocks of a 70B model.
std::vector<PlannedShape> large_blocks(int blocks) {
    std::vector<PlannedShape> shapes;
    for (int block = 0; block < blocks; ++block) {
        for (const auto& [rows, cols] : {std::pair{8192, 8192},
                                         {1024, 8192},
                                         {1024, 8192},
                                         {8192, 8192},
                                         {28672, 8192},
                                         {28672, 8192},
                                         {8192, 28672}}) {
            shapes.push_back(shape(rows, cols));
        }
    }
    return shapes;
}

std::size_t planned_matrices(const ShardPlan& plan) {
    std::set<int> matrices;
    for (const ShardStage& stage : plan.stages) {
        for (const PlannedMatrix& matrix : stage.matrices) {
            matrices.insert(matrix.matrix);
        }
    }
    return matrices.size();
}

TEST(ShardPlan, OneRankTakesAllLongestFirst) {
    const auto shapes = large_blocks(2);
    const CostModel model;
    const ShardPlan plan = make_shard_plan(shapes, {1, 1, {}}, model, {});
    ASSERT_EQ(plan.stages.size(), 1U);
    EXPECT_EQ(plan.stages[0].group_ranks, 1);
    ASSERT_EQ(plan.stages[0].matrices.size(), shapes.size());
    double sum = 0;
    double last = HUGE_VAL;
    for (const PlannedMatrix& matrix : plan.stages[0].matrices) {
        const PlannedShape& of = shapes[static_cast<std::size_t>(matrix.matrix)];
        EXPECT_EQ(matrix.seconds,
                  model.seconds({of.rows, of.cols, of.stored_bytes, matrix.solver, 1}));
        EXPECT_LE(matrix.seconds, last);
        last = matrix.seconds;
        sum += matrix.seconds;
    }
    EXPECT_NEAR(plan.seconds, sum, 1e-9 * sum);
    EXPECT_NEAR(plan.balance, 1, 1e-12);
}

TEST(ShardPlan, NoMatricesTakeNoTime) {
    const ShardPlan plan = make_shard_plan({}, {4, 2, {}}, {}, {});
    EXPECT_TRUE(plan.stages.empty());
    EXPECT_EQ(plan.seconds, 0);
}

TEST(ShardPlan, MoreRanksNeverEndMuchLater) {
    const auto shapes = large_blocks(4);
    double last = HUGE_VAL;
    for (int ranks = 1; ranks <= 512; ranks *= 2) {
        const ShardPlan plan = make_shard_plan(shapes, {ranks, 16, {}}, {}, {});
        EXPECT_EQ(planned_matrices(plan), shapes.size());
        EXPECT_LE(plan.seconds, last) << ranks;
        EXPECT_LE(plan.balance, 1 + 1e-12);
        last = plan.seconds;
    }
}

TEST(ShardPlan, SmallMatricesStayOnOneRank) {
    std::vector<PlannedShape> shapes(3, shape(200, 200));
    const ShardPlan plan = make_shard_plan(shapes, {64, 16, {}}, {}, {});
    ASSERT_EQ(plan.stages.size(), 1U);
    EXPECT_EQ(plan.stages[0].group_ranks, 1);
    EXPECT_EQ(plan.stages[0].matrices[0].solver, linalg::Solver::lapack1);
}

TEST(ShardPlan, RanksOfANodeShareThePartsOfTheProgram) {
    EXPECT_EQ(program_memory({4, 1, {}}), program_memory({1, 1, {}}));
    EXPECT_EQ(program_memory({4, 16, {}}), program_memory({4, 4, {}}));
    EXPECT_LT(program_memory({16, 16, {}}), program_memory({4, 4, {}}));
    EXPECT_GE(program_memory({128, 128, {}}), program_memory({1, 1, {}}) / 2);
}

TEST(ShardPlan, GroupsShareWhatIsTooLargeForOneRank) {
    if (!linalg::works_on_groups(linalg::Solver::two_stage)) {
        GTEST_SKIP() << "this build's one-node solver has no groups";
    }
    const auto shapes = large_blocks(1);
    const std::uint64_t limit = program_memory({16, 16, {}}) + (std::uint64_t{800} << 20);
    const ShardPlan plan = make_shard_plan(shapes, {16, 16, limit}, {}, {});
    EXPECT_EQ(planned_matrices(plan), shapes.size());
    EXPECT_GT(plan.stages.front().group_ranks, 1);
    EXPECT_LE(plan.memory + program_memory({16, 16, {}}), limit);
    for (std::size_t stage = 1; stage < plan.stages.size(); ++stage) {
        EXPECT_LT(plan.stages[stage].group_ranks, plan.stages[stage - 1].group_ranks);
    }
}

TEST(ShardPlan, RanksBeyondTheMatricesHelpInGroups) {
    if (!linalg::works_on_groups(linalg::Solver::two_stage)) {
        GTEST_SKIP() << "this build's one-node solver has no groups";
    }
    const std::vector<PlannedShape> shapes(2, shape(8192, 8192));
    const ShardPlan one = make_shard_plan(shapes, {2, 8, {}}, {}, {});
    const ShardPlan many = make_shard_plan(shapes, {16, 8, {}}, {}, {});
    ASSERT_EQ(many.stages.size(), 1U);
    EXPECT_EQ(many.stages[0].group_ranks, 8);
    EXPECT_LT(many.seconds, one.seconds / 3);
}

TEST(ShardPlan, AGroupSolverTakesAllRanksOrAsManyAsAsked) {
    const auto shapes = large_blocks(1);
    const ShardPlan all = make_shard_plan(shapes, {12, 4, {}}, {}, {linalg::Solver::elpa2, {}});
    EXPECT_TRUE(all.across_nodes);
    ASSERT_EQ(all.stages.size(), 1U);
    EXPECT_EQ(all.stages[0].group_ranks, 12);
    const ShardPlan some = make_shard_plan(shapes, {12, 4, {}}, {}, {linalg::Solver::scalapack, 6});
    ASSERT_EQ(some.stages.size(), 1U);
    EXPECT_EQ(some.stages[0].group_ranks, 6);
    EXPECT_EQ(some.stages[0].matrices.front().solver, linalg::Solver::scalapack);
    const ShardPlan more = make_shard_plan(shapes, {4, 4, {}}, {}, {linalg::Solver::elpa1, 64});
    EXPECT_EQ(more.stages[0].group_ranks, 4);
}

TEST(ShardPlan, OneRankSolversStayOnOneRank) {
    for (const linalg::Solver solver : {linalg::Solver::lapack1, linalg::Solver::lapack2}) {
        const ShardPlan plan = make_shard_plan(large_blocks(1), {32, 8, {}}, {}, {solver, {}});
        ASSERT_EQ(plan.stages.size(), 1U);
        EXPECT_EQ(plan.stages[0].group_ranks, 1);
        EXPECT_EQ(plan.stages[0].matrices.front().solver, solver);
    }
}

TEST(ShardPlan, AMatrixThatFitsNowhereIsNamedWithARemedy) {
    try {
        make_shard_plan(large_blocks(2), {4, 2, std::uint64_t{60} << 20}, {},
                        {linalg::Solver::lapack2, {}});
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
        const std::string text = error.what();
        EXPECT_NE(text.find("m8192x8192 (and 3 more like it), 8192 x 8192, needs"),
                  std::string::npos)
            << text;
        EXPECT_NE(text.find("63 MB"), std::string::npos) << text;
        EXPECT_NE(text.find("fewer ranks on each node"), std::string::npos) << text;
        EXPECT_EQ(error.faults().size(), 4U);  // one a shape
    }
}

TEST(CostModel, GrowsWithSizeAndShrinksWithSpeed) {
    CostModel model;
    for (const linalg::Solver solver : linalg::kSolvers) {
        double last = 0;
        for (const std::int64_t n : {64, 256, 1024, 4096, 16384}) {
            const double seconds = model.seconds({n, 2 * n, 0, solver, 1});
            EXPECT_GT(seconds, 4 * last);
            EXPECT_EQ(seconds, model.seconds({2 * n, n, 0, solver, 1}));
            last = seconds;
        }
        CostModel faster = model;
        faster.rates.dgemm_gflops *= 2;
        faster.rates.memory_gbps *= 2;
        EXPECT_NEAR(faster.seconds({4096, 4096, 0, solver, 1}),
                    model.seconds({4096, 4096, 0, solver, 1}) / 2, 1e-9);
    }
}

TEST(CostModel, Float32CountsWhereASolverHasIt) {
    CostModel model;
    CostModel single = model;
    single.precision = linalg::Precision::in_single;
    const SpectrumTask own{4096, 11008, 0, linalg::Solver::two_stage, 1};
    const SpectrumTask lapack{4096, 11008, 0, linalg::Solver::lapack2, 1};
    EXPECT_LT(single.seconds(own), 0.7 * model.seconds(own));
    EXPECT_EQ(single.seconds(lapack), model.seconds(lapack));
}

TEST(CostModel, CorrectionsMeetWhatWasMeasured) {
    const SpectrumTask small{512, 512, 1000, linalg::Solver::two_stage, 1};
    const SpectrumTask large{2048, 8192, 5000, linalg::Solver::two_stage, 1};
    const SpectrumTask other{512, 512, 1000, linalg::Solver::lapack2, 1};
    const CostModel plain;
    const std::vector<TimedSpectrum> measured{
        {small, 2 * plain.seconds(small)}, {large, 2 * plain.seconds(large)}, {other, 0}};
    const CostModel model = corrected(plain, measured);
    EXPECT_NEAR(model.seconds(small), 2 * plain.seconds(small), 1e-12);
    EXPECT_NEAR(model.seconds(large), 2 * plain.seconds(large), 1e-9);
    EXPECT_EQ(model.seconds(other), plain.seconds(other));
}

TEST(ShardPlan, TheLargestModelOnTheLargestMachineIsQuick) {
    std::vector<PlannedShape> shapes;  // 405B: 126 blocks
    for (int block = 0; block < 126; ++block) {
        for (const auto& [rows, cols] : {std::pair{16384, 16384},
                                         {1024, 16384},
                                         {1024, 16384},
                                         {16384, 16384},
                                         {53248, 16384},
                                         {53248, 16384},
                                         {16384, 53248}}) {
            shapes.push_back(shape(rows, cols));
        }
    }
    for (const int ranks : {512, 1024, 8192, 100000}) {
        const ShardPlan plan = make_shard_plan(shapes, {ranks, 128, {}}, {}, {});
        EXPECT_EQ(planned_matrices(plan), shapes.size());
    }
}

}  // namespace
}  // namespace alphaprune::planning
