#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "allocation/by_name.hpp"
#include "allocation/random_items.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::allocation {
namespace {

struct OwlOptions {
    double sparsity_ratio = 0.7;
    double lambda = 0.08;
    double max_sparsity = 0.99;
};

Allocation allocate_owl(std::span<const AllocationItem> items, std::span<const double> shares,
                        const OwlOptions& options) {
    AllocationRequest request{items, {}, shares, {{"owl-lambda", options.lambda}}};
    request.options.sparsity_ratio = options.sparsity_ratio;
    request.options.max_sparsity = options.max_sparsity;
    return test::allocate("owl", request);
}

std::vector<int> blocks_named(const std::vector<AllocationItem>& items) {
    std::vector<int> blocks;
    for (const AllocationItem& item : items) {
        if (std::ranges::find(blocks, item.block) == blocks.end()) {
            blocks.push_back(item.block);
        }
    }
    return blocks;
}

TEST(Owl, IsThePublishedFormulaWithEqualBlocks) {
    // z = 0, 0.04, 0.16, 0.08 with mean 0.07; the ratio is 1 − (z − 0.07 + 0.3).
    const std::vector<AllocationItem> items{{0, 5, 0},  {0, 5, 0}, {1, 10, 0},
                                            {2, 10, 0}, {3, 4, 0}, {3, 6, 0}};
    const std::vector<double> shares{0.01, 0.02, 0.05, 0.03};
    const auto result = allocate_owl(items, shares, {0.7, 0.08, 0.99});
    const std::vector<double> expected{0.77, 0.77, 0.73, 0.61, 0.69, 0.69};
    for (std::size_t i = 0; i < items.size(); ++i) {
        EXPECT_NEAR(result.ratios[i], expected[i], 1e-15) << i;
    }
    EXPECT_TRUE(result.bounded_blocks.empty());
    EXPECT_TRUE(result.notes.empty());
}

TEST(Owl, RandomModelsMeetTheMeanAndFallWithTheOutliers) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        const auto items = test::random_items(seed);
        const auto blocks = blocks_named(items);
        std::mt19937_64 generator(seed);
        std::vector<double> shares;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            shares.push_back(std::uniform_real_distribution<double>(0, 0.1)(generator));
        }
        const OwlOptions options{0.005 * seed, 0.0025 * seed, 0.995};
        const auto result = allocate_owl(items, shares, options);
        EXPECT_NEAR(overall_ratio(items, result.ratios), options.sparsity_ratio, 1e-12) << seed;
        for (std::size_t i = 0; i < items.size(); ++i) {
            EXPECT_GE(result.ratios[i], 0);
            EXPECT_LE(result.ratios[i], options.max_sparsity);
            for (std::size_t j = 0; j < items.size(); ++j) {
                const double more = shares[static_cast<std::size_t>(items[i].block)];
                const double fewer = shares[static_cast<std::size_t>(items[j].block)];
                if (more >= fewer) {
                    EXPECT_LE(result.ratios[i], result.ratios[j]) << seed;
                }
            }
        }
    }
}

TEST(Owl, ABoundShiftsTheOthersByTheSameAmount) {
    // Without bounds 0.9 ± 0.08·…: z = 0, 0.1, 0.2, mean 0.1 → ratios 1.0, 0.9, 0.8.
    const std::vector<AllocationItem> items{{0, 1, 0}, {1, 1, 0}, {2, 1, 0}};
    const auto result = allocate_owl(items, std::vector{0.0, 0.01, 0.02}, {0.9, 0.1, 0.96});
    EXPECT_EQ(result.ratios[0], 0.96);
    EXPECT_NEAR(result.ratios[1], 0.92, 1e-15);
    EXPECT_NEAR(result.ratios[2], 0.82, 1e-15);
    EXPECT_EQ(result.bounded_blocks, std::vector<int>{0});
    ASSERT_EQ(result.notes.size(), 1U);
}

TEST(Owl, ABlockThatWouldKeepMoreThanAllStaysDense) {
    // z = 0, 0.1, 0.2, mean 0.1, S 0.05: ratios 0.15, 0.05, −0.05 before bounds.
    const std::vector<AllocationItem> items{{0, 1, 0}, {1, 1, 0}, {2, 1, 0}};
    const auto result = allocate_owl(items, std::vector{0.0, 0.01, 0.02}, {0.05, 0.1, 0.99});
    EXPECT_NEAR(result.ratios[0], 0.125, 1e-15);
    EXPECT_NEAR(result.ratios[1], 0.025, 1e-15);
    EXPECT_EQ(result.ratios[2], 0);
    ASSERT_EQ(result.notes.size(), 1U);
    EXPECT_NE(result.notes[0].find("blocks 2 stay dense"), std::string::npos) << result.notes[0];
}

TEST(Owl, EqualSharesAreUniform) {
    const std::vector<AllocationItem> items{{0, 7, 0}, {1, 1'000'003, 0}, {2, 5, 0}};
    const auto result = allocate_owl(items, std::vector(3, 0.02), {0.7, 0.08, 0.99});
    for (const double ratio : result.ratios) {
        EXPECT_NEAR(ratio, 0.7, 1e-15);
    }
}

TEST(Owl, TheEndsOfTheRangeCanBeMet) {
    const std::vector<AllocationItem> items{{0, 3, 0}, {1, 4, 0}};
    for (const double ratio : {0.0, 0.83}) {
        const auto result = allocate_owl(items, std::vector{0.1, 0.2}, {ratio, 0.08, 0.83});
        EXPECT_EQ(result.ratios, (std::vector{ratio, ratio}));
    }
}

TEST(Owl, RefusesWhatCannotBe) {
    const std::vector<AllocationItem> items{{0, 3, 0}, {1, 4, 0}};
    const std::vector good{0.1, 0.2};
    EXPECT_THROW(allocate_owl(items, std::vector{0.1}, {}), support::Error);
    EXPECT_THROW(allocate_owl(items, std::vector{0.1, 1.5}, {}), support::Error);
    EXPECT_THROW(allocate_owl(items, std::vector{0.1, std::nan("")}, {}), support::Error);
    EXPECT_THROW(allocate_owl(items, good, {0.7, 0.6, 0.99}), support::Error);
    EXPECT_THROW(allocate_owl(items, good, {1.0, 0.08, 0.99}), support::Error);
    EXPECT_THROW(allocate_owl(items, good, {0.9, 0.08, 0.8}), support::Error);
    EXPECT_THROW(allocate_owl({}, {}, {}), support::Error);
}

}  // namespace
}  // namespace alphaprune::allocation
