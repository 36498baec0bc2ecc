// The formula, the mappings and the other allocations; bounds have a test of their own.
#include "alphaprune/allocation/allocation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "allocation/by_name.hpp"
#include "allocation/random_items.hpp"

namespace alphaprune::allocation {
namespace {

using test::allocate_alphapruning;
using test::allocate_given;
using test::allocate_linear_depth;
using test::allocate_uniform;

const double kUndefined = std::nan("");

AllocationOptions options_of(double ratio, double epsilon, Mapping mapping) {
    AllocationOptions options;
    options.sparsity_ratio = ratio;
    options.epsilon = epsilon;
    options.mapping = mapping;
    return options;
}

TEST(Alphapruning, IsWhatOneCanWorkOutByHand) {
    // Means 2, 3, 4; r = 0.7, 1, 1.3; Σ d·r = 0.7·2 + 1·1 + 1.3·1 = 3.7; c = 0.5·4/3.7.
    const std::vector<AllocationItem> items{{0, 1, 1.5}, {0, 1, 2.5}, {1, 1, 3}, {2, 1, 4}};
    const auto result = allocate_alphapruning(items, options_of(0.5, 0.3, Mapping::block_wise));
    const double c = 2 / 3.7;
    ASSERT_EQ(result.ratios.size(), 4U);
    EXPECT_NEAR(result.ratios[0], 0.7 * c, 1e-15);
    EXPECT_EQ(result.ratios[0], result.ratios[1]);
    EXPECT_NEAR(result.ratios[2], c, 1e-15);
    EXPECT_NEAR(result.ratios[3], 1.3 * c, 1e-15);
    EXPECT_TRUE(result.bounded_blocks.empty());
    EXPECT_TRUE(result.notes.empty());
}

TEST(Alphapruning, BlockMeansAreNotWeighted) {
    const std::vector<AllocationItem> small{{0, 1, 1}, {0, 1, 5}, {1, 1, 2}, {2, 1, 4}};
    auto large = small;
    large[1].weights = 1000;
    const auto options = options_of(0.5, 0.3, Mapping::block_wise);
    const auto a = allocate_alphapruning(small, options).ratios;
    const auto b = allocate_alphapruning(large, options).ratios;
    EXPECT_NEAR(a[0] / a[2], b[0] / b[2], 1e-14);  // r of block 0 from mean 3 in both
    EXPECT_NEAR(a[0] / a[2], 1.0 / 0.7, 1e-14);
}

TEST(Alphapruning, LayerWiseLooksAtEachMatrix) {
    const std::vector<AllocationItem> items{{0, 3, 1}, {0, 1, 5}, {1, 2, 3}};
    const auto result = allocate_alphapruning(items, options_of(0.4, 0.2, Mapping::layer_wise));
    const double c = 0.4 * 6 / (3 * 0.8 + 1 * 1.2 + 2 * 1.0);
    EXPECT_NEAR(result.ratios[0], 0.8 * c, 1e-15);
    EXPECT_NEAR(result.ratios[1], 1.2 * c, 1e-15);
    EXPECT_NEAR(result.ratios[2], 1.0 * c, 1e-15);
}

TEST(Alphapruning, ExpertWiseTakesTheMeanOfAnExpert) {
    // Block 0: attention of mean 2, experts 0 and 1 of means 1 and 4; block 1: attention, expert 0.
    const std::vector<AllocationItem> items{{0, 2, 1},    {0, 2, 3},    {0, 3, 0, 0}, {0, 3, 2, 0},
                                            {0, 3, 5, 1}, {0, 3, 3, 1}, {1, 2, 2},    {1, 3, 4, 0}};
    const auto ratios =
        allocate_alphapruning(items, options_of(0.4, 0.3, Mapping::expert_wise)).ratios;
    const std::vector<double> relative{0.9, 0.9, 0.7, 0.7, 1.3, 1.3, 0.9, 1.3};
    double weighted = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        weighted += static_cast<double>(items[i].weights) * relative[i];
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
        EXPECT_NEAR(ratios[i], 0.4 * 21 / weighted * relative[i], 1e-15);
    }
}

TEST(Alphapruning, EqualMetricsGiveTheUniformRatio) {
    for (const double ratio : {0.0, 0.3, 0.7, 0.99}) {
        for (const Mapping mapping : {Mapping::block_wise, Mapping::layer_wise}) {
            const std::vector<AllocationItem> items{{0, 7, 2.5}, {1, 1'000'003, 2.5}, {2, 5, 2.5}};
            const auto result = allocate_alphapruning(items, options_of(ratio, 0.3, mapping));
            EXPECT_EQ(result.ratios, std::vector<double>(3, ratio));
            EXPECT_TRUE(result.bounded_blocks.empty());
        }
    }
}

TEST(Alphapruning, RandomModelsMeetTheMeanAndRiseWithTheMetric) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        const auto items = test::random_items(seed);
        const Mapping mapping = seed % 2 == 0 ? Mapping::block_wise : Mapping::layer_wise;
        const auto options = options_of(0.05 + 0.0045 * seed, 0.01 + 0.0045 * seed, mapping);
        const auto result = allocate_alphapruning(items, options);
        EXPECT_NEAR(overall_ratio(items, result.ratios), options.sparsity_ratio, 1e-12);
        std::vector<double> metrics;
        for (const AllocationItem& item : items) {
            metrics.push_back(mapping == Mapping::block_wise ? test::block_mean(items, item.block)
                                                             : item.metric);
        }
        for (std::size_t i = 0; i < items.size(); ++i) {
            EXPECT_LE(result.ratios[i], options.max_sparsity);
            EXPECT_GE(result.ratios[i], 0);
            for (std::size_t j = 0; j < items.size(); ++j) {
                if (metrics[i] < metrics[j] && result.ratios[j] < options.max_sparsity) {
                    EXPECT_LT(result.ratios[i], result.ratios[j]) << "seed " << seed;
                }
            }
        }
    }
}

TEST(Alphapruning, AnUndefinedMatrixLeavesTheMeanToTheOthersOfItsBlock) {
    const std::vector<AllocationItem> with{{0, 2, 1}, {0, 3, kUndefined}, {1, 1, 2}, {2, 1, 4}};
    auto without = with;
    without[1].metric = 1;
    const auto options = options_of(0.5, 0.3, Mapping::block_wise);
    const auto result = allocate_alphapruning(with, options);
    EXPECT_EQ(result.ratios, allocate_alphapruning(without, options).ratios);
    ASSERT_EQ(result.notes.size(), 1U);
    EXPECT_NE(result.notes[0].find("blocks 0)"), std::string::npos) << result.notes[0];
}

TEST(Alphapruning, ABlockWithoutAnyMetricGetsTheMiddle) {
    const std::vector<AllocationItem> items{
        {0, 1, 2}, {1, 1, kUndefined}, {1, 1, HUGE_VAL}, {2, 1, 6}};
    const auto result = allocate_alphapruning(items, options_of(0.4, 0.3, Mapping::block_wise));
    EXPECT_NEAR(result.ratios[0], 0.7 * 0.4, 1e-15);
    EXPECT_NEAR(result.ratios[1], 1.0 * 0.4, 1e-15);
    EXPECT_NEAR(result.ratios[2], 1.0 * 0.4, 1e-15);
    EXPECT_NEAR(result.ratios[3], 1.3 * 0.4, 1e-15);
    const auto each = allocate_alphapruning(items, options_of(0.4, 0.3, Mapping::layer_wise));
    EXPECT_EQ(each.ratios, result.ratios);
}

TEST(Uniform, GivesTheSameRatioEverywhere) {
    const std::vector<AllocationItem> items{{0, 10, kUndefined}, {1, 20, 3}};
    const auto result = allocate_uniform(items, options_of(0.63, 0.3, Mapping::block_wise));
    EXPECT_EQ(result.ratios, (std::vector<double>{0.63, 0.63}));
}

TEST(LinearDepth, RisesInEqualStepsWithinTheBand) {
    std::vector<AllocationItem> items;
    for (const int block : {4, 5, 7, 8, 9}) {  // steps by position: 6 is not there
        items.push_back({block, 100, kUndefined});
        items.push_back({block, 100, kUndefined});
    }
    const auto result = allocate_linear_depth(items, options_of(0.6, 0.2, Mapping::block_wise));
    for (std::size_t i = 0; i < items.size(); ++i) {
        EXPECT_NEAR(result.ratios[i], 0.6 * (0.8 + 0.1 * static_cast<double>(i / 2)), 1e-15);
    }
    EXPECT_NEAR(overall_ratio(items, result.ratios), 0.6, 1e-12);
}

TEST(LinearDepth, OfOneBlockIsUniform) {
    const std::vector<AllocationItem> items{{3, 10, 1}, {3, 20, 2}};
    const auto result = allocate_linear_depth(items, options_of(0.6, 0.2, Mapping::block_wise));
    EXPECT_EQ(result.ratios, (std::vector<double>{0.6, 0.6}));
}

TEST(Given, IsTakenAsItIs) {
    const std::vector<AllocationItem> items{{0, 10, 1}, {1, 30, 2}};
    const std::vector<double> ratios{1, 0};
    EXPECT_EQ(allocate_given(items, ratios).ratios, ratios);
    EXPECT_DOUBLE_EQ(overall_ratio(items, ratios), 0.25);
}

}  // namespace
}  // namespace alphaprune::allocation
