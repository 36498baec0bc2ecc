// Ratios over max_sparsity: bounding, sharing out, and saying so.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "allocation/by_name.hpp"
#include "allocation/random_items.hpp"
#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {
namespace {

using test::allocate_alphapruning;
using test::allocate_linear_depth;
using test::allocate_uniform;

/// 40 blocks of which one stands out, as in LLaMA-13B: at ε 0.5 and S 0.7 the published formula
/// gives it a ratio above 1.
std::vector<AllocationItem> one_block_stands_out() {
    std::vector<AllocationItem> items;
    for (int block = 0; block < 40; ++block) {
        items.push_back({block, 1000, block == 39 ? 5.0 : 3.5 + 0.01 * (block % 7)});
    }
    items[0].metric = 2.0;
    return items;
}

/// The published formula, unbounded.
std::vector<double> published(const std::vector<AllocationItem>& items, double ratio,
                              double epsilon) {
    const auto [least, greatest] = std::ranges::minmax(items, {}, &AllocationItem::metric);
    std::vector<double> result;
    double weights = 0;
    double sum = 0;
    for (const AllocationItem& item : items) {
        const double position = (item.metric - least.metric) / (greatest.metric - least.metric);
        result.push_back(position * 2 * epsilon + 1 - epsilon);
        weights += static_cast<double>(item.weights);
        sum += static_cast<double>(item.weights) * result.back();
    }
    for (double& value : result) {
        value *= ratio * weights / sum;
    }
    return result;
}

TEST(Bound, OneBlockOverOneIsBoundedAndTheOthersKeepTheirProportions) {
    const auto items = one_block_stands_out();
    AllocationOptions options;
    options.sparsity_ratio = 0.7;
    options.epsilon = 0.5;
    const auto unbounded = published(items, 0.7, 0.5);
    ASSERT_GT(unbounded[39], 1.0);
    const auto result = allocate_alphapruning(items, options);
    EXPECT_EQ(result.ratios[39], 0.99);
    EXPECT_EQ(result.bounded_blocks, std::vector<int>{39});
    ASSERT_EQ(result.notes.size(), 1U);
    EXPECT_NE(result.notes[0].find("0.99"), std::string::npos);
    EXPECT_NE(result.notes[0].find("39"), std::string::npos);
    EXPECT_NEAR(overall_ratio(items, result.ratios), 0.7, 1e-12);
    for (std::size_t i = 1; i < 39; ++i) {
        EXPECT_NEAR(result.ratios[i] / result.ratios[0], unbounded[i] / unbounded[0], 1e-12);
        EXPECT_GT(result.ratios[i], unbounded[i]);
    }
}

TEST(Bound, WithoutABoundInForceItIsThePublishedFormula) {
    const auto items = one_block_stands_out();
    AllocationOptions options;
    options.sparsity_ratio = 0.5;
    options.epsilon = 0.3;
    const auto result = allocate_alphapruning(items, options);
    const auto expected = published(items, 0.5, 0.3);
    for (std::size_t i = 0; i < items.size(); ++i) {
        EXPECT_NEAR(result.ratios[i], expected[i], 1e-14);
    }
    EXPECT_TRUE(result.bounded_blocks.empty());
}

TEST(Bound, WhatIsSharedOutMayBoundTheNext) {
    // r = 0.5, 1, 1.5 with S 0.8 and bound 0.9: only the last exceeds it at first (1.2); then the
    // middle one (0.8·3 − 0.9)/1.5 = 1 does too; the first takes the rest, 0.6.
    const std::vector<AllocationItem> items{{0, 1, 1}, {1, 1, 2}, {2, 1, 3}};
    AllocationOptions options;
    options.sparsity_ratio = 0.8;
    options.epsilon = 0.5;
    options.max_sparsity = 0.9;
    const auto result = allocate_alphapruning(items, options);
    EXPECT_EQ(result.ratios[2], 0.9);
    EXPECT_EQ(result.ratios[1], 0.9);
    EXPECT_NEAR(result.ratios[0], 0.6, 1e-15);
    EXPECT_EQ(result.bounded_blocks, (std::vector<int>{1, 2}));
}

TEST(Bound, TheLargestRatioThatCanBeMetIsMet) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        const auto items = test::random_items(seed);
        AllocationOptions options;
        options.max_sparsity = 0.83;
        for (const double below : {0.0, 1e-15, 1e-9, 1e-3}) {
            options.sparsity_ratio = 0.83 - below;
            for (const auto& result :
                 {allocate_alphapruning(items, options), allocate_linear_depth(items, options),
                  allocate_uniform(items, options)}) {
                EXPECT_NEAR(overall_ratio(items, result.ratios), options.sparsity_ratio, 1e-12);
                EXPECT_LE(std::ranges::max(result.ratios), 0.83);
            }
        }
    }
}

TEST(Bound, HoldsForLinearDepth) {
    std::vector<AllocationItem> items;
    for (int block = 0; block < 8; ++block) {
        items.push_back({block, 50, std::nan("")});
    }
    AllocationOptions options;
    options.sparsity_ratio = 0.9;
    options.epsilon = 0.4;
    const auto result = allocate_linear_depth(items, options);
    EXPECT_FALSE(result.bounded_blocks.empty());
    EXPECT_EQ(result.bounded_blocks.back(), 7);
    EXPECT_NEAR(overall_ratio(items, result.ratios), 0.9, 1e-12);
    EXPECT_TRUE(std::ranges::is_sorted(result.ratios));
}

TEST(Bound, LayerWiseNamesABlockOnce) {
    const std::vector<AllocationItem> items{{0, 1, 1}, {0, 1, 1}, {3, 1, 9}, {3, 1, 9}, {1, 6, 1}};
    AllocationOptions options;
    options.sparsity_ratio = 0.9;
    options.mapping = Mapping::layer_wise;
    const auto result = allocate_alphapruning(items, options);
    EXPECT_EQ(result.bounded_blocks, std::vector<int>{3});
}

}  // namespace
}  // namespace alphaprune::allocation
