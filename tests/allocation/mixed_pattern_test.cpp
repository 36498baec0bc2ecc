#include "alphaprune/allocation/allocation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "allocation/by_name.hpp"
#include "allocation/random_items.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::allocation {
namespace {

using test::allocate_alphapruning;

std::vector<AllocationItem> equal_blocks(int count) {
    std::vector<AllocationItem> items;
    for (int block = 0; block < count; ++block) {
        items.push_back({block, 1000, 0});
    }
    return items;
}

TEST(MixedPattern, RatiosThatFitAreTaken) {
    const auto items = equal_blocks(4);
    const auto result = mixed_patterns(items, std::vector{0.5, 0.0, 0.875, 0.25});
    EXPECT_EQ(result.removed, (std::vector<int>{4, 0, 7, 2}));
    EXPECT_EQ(result.ratios, (std::vector{0.5, 0.0, 0.875, 0.25}));
}

TEST(MixedPattern, TheBudgetIsCorrectedWhereItCostsLeast) {
    // 8·s = 4.4, 4.4, 4.45, 4.75, sum 18: rounded 4, 4, 4, 5 is one short, and the third is
    // nearest.
    const auto items = equal_blocks(4);
    const auto result = mixed_patterns(items, std::vector{0.55, 0.55, 0.55625, 0.59375});
    EXPECT_EQ(result.removed, (std::vector<int>{4, 4, 5, 5}));
    EXPECT_DOUBLE_EQ(overall_ratio(items, result.ratios), 18.0 / 32);
}

TEST(MixedPattern, EqualBlocksComeAsNearAsOneStepAllows) {
    std::mt19937_64 generator(1);
    std::uniform_real_distribution<double> ratio(0.2, 0.85);
    for (const int blocks : {1, 2, 7, 32, 80}) {
        for (const int group : {4, 8, 16}) {
            const auto items = equal_blocks(blocks);
            std::vector<double> ratios(items.size());
            std::ranges::generate(ratios, [&] { return std::min(ratio(generator), 0.75); });
            const auto result = mixed_patterns(items, ratios, group);
            const double error = overall_ratio(items, result.ratios) - overall_ratio(items, ratios);
            EXPECT_LE(std::abs(error), 0.5 / group / blocks + 1e-12);
        }
    }
}

TEST(MixedPattern, NFollowsTheBlockAndNoStepWouldBringTheMeanNearer) {
    for (unsigned seed = 0; seed < 100; ++seed) {
        const auto items = test::random_items(seed);
        AllocationOptions options;
        options.sparsity_ratio = 0.3 + 0.005 * seed;
        options.epsilon = 0.15;
        options.mapping = seed % 2 == 0 ? Mapping::block_wise : Mapping::layer_wise;
        const auto ratios = allocate_alphapruning(items, options).ratios;
        const auto result = mixed_patterns(items, ratios);
        const double wanted = overall_ratio(items, ratios);
        const double error = std::abs(overall_ratio(items, result.ratios) - wanted);
        for (std::size_t i = 0; i < items.size(); ++i) {
            EXPECT_GE(result.removed[i], 0);
            EXPECT_LE(result.removed[i], 7);
            for (const int step : {-1, 1}) {
                auto moved = result.ratios;
                const int next = result.removed[i] + step;
                for (std::size_t j = 0; j < items.size(); ++j) {
                    if (items[j].block == items[i].block) {
                        EXPECT_EQ(result.removed[j], result.removed[i]);
                        moved[j] = next / 8.0;
                    }
                }
                if (next >= 0 && next <= 7) {
                    EXPECT_GE(std::abs(overall_ratio(items, moved) - wanted), error - 1e-12);
                }
            }
        }
    }
}

TEST(MixedPattern, ABlockAboveSevenEighthsLeavesItsRestToTheOthers) {
    const auto items = equal_blocks(2);
    const auto result = mixed_patterns(items, std::vector{0.99, 0.51});
    EXPECT_EQ(result.removed, (std::vector<int>{7, 5}));
}

TEST(MixedPattern, RefusesWhatCannotBeMet) {
    const auto items = equal_blocks(2);
    EXPECT_NO_THROW(mixed_patterns(items, std::vector{0.875, 0.875}));
    try {
        mixed_patterns(items, std::vector{0.95, 0.85});
        FAIL();
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
        EXPECT_NE(std::string(error.what()).find("0.875"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace alphaprune::allocation
