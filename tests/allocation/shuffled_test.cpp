#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "allocation/by_name.hpp"
#include "allocation/random_items.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::allocation {
namespace {

Allocation shuffled(const std::vector<AllocationItem>& items, double seed, double ratio = 0.5) {
    AllocationRequest request{items, {}, {}, {{"shuffle-seed", seed}}};
    request.options.sparsity_ratio = ratio;
    return test::allocate("shuffled", request);
}

/// Blocks of one matrix each, all of one size.
std::vector<AllocationItem> blocks_in_a_row(int count) {
    std::vector<AllocationItem> items;
    for (int block = 0; block < count; ++block) {
        items.push_back({block, 100, 2.0 + block * block});
    }
    return items;
}

TEST(Shuffled, HasTheRatiosOfAlphaPruningElsewhere) {
    for (const int count : {2, 3, 8, 33}) {
        const auto items = blocks_in_a_row(count);
        AllocationOptions options;
        options.sparsity_ratio = 0.5;
        const std::vector<double> straight = test::allocate_alphapruning(items, options).ratios;
        for (const double seed : {0.0, 1.0, 7.0}) {
            const std::vector<double> moved = shuffled(items, seed).ratios;
            for (std::size_t b = 0; b < items.size(); ++b) {
                EXPECT_GT(std::abs(moved[b] - straight[b]), 1e-6) << "block " << b << " stays";
            }
            std::vector<double> sorted = moved;
            std::vector<double> expected = straight;
            std::ranges::sort(sorted);
            std::ranges::sort(expected);
            for (std::size_t b = 0; b < items.size(); ++b) {
                EXPECT_NEAR(sorted[b], expected[b], 1e-14);
            }
        }
    }
}

TEST(Shuffled, TheSeedDecides) {
    const auto items = blocks_in_a_row(12);
    EXPECT_EQ(shuffled(items, 3).ratios, shuffled(items, 3).ratios);
    std::set<std::vector<double>> different;
    for (int seed = 0; seed < 10; ++seed) {
        different.insert(shuffled(items, seed).ratios);
    }
    EXPECT_EQ(different.size(), 10U);
    EXPECT_THROW(shuffled(items, 0.5), support::Error);
}

TEST(Shuffled, RandomModelsMeetTheMean) {
    for (unsigned seed = 0; seed < 100; ++seed) {
        const auto items = test::random_items(seed);
        const bool defined = std::ranges::any_of(
            items, [](const AllocationItem& item) { return std::isfinite(item.metric); });
        if (defined) {
            const auto result = shuffled(items, seed, 0.6);
            EXPECT_NEAR(overall_ratio(items, result.ratios), 0.6, 1e-12) << seed;
        }
    }
}

TEST(Shuffled, OneBlockHasNothingToExchange) {
    const auto result = shuffled(blocks_in_a_row(1), 0);
    EXPECT_EQ(result.ratios, std::vector<double>{0.5});
}

}  // namespace
}  // namespace alphaprune::allocation
