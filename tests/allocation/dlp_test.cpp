#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"
#include "alphaprune/support/error.hpp"
#include "by_name.hpp"

namespace alphaprune::allocation {
namespace {

Allocation dlp(const std::vector<double>& scores, double ratio) {
    std::vector<AllocationItem> items;
    for (int block = 0; block < static_cast<int>(scores.size()); ++block) {
        items.push_back({block, 100, 0});
    }
    AllocationRequest request{items, {}, scores, {}};
    request.options.sparsity_ratio = ratio;
    return find_allocation("dlp")->allocate(request);
}

TEST(Dlp, IsWhatOneCanWorkOutByHand) {
    // r = 1 − I/ΣI = .8, .7, .5; (r − min)/(max − min)·0.3 = .3, .2, 0; mean 1/6; kept 1 − .6.
    const std::vector<double> ratios = dlp({2, 3, 5}, 0.6).ratios;
    EXPECT_NEAR(ratios[0], 0.6 - (0.3 - 0.5 / 3), 1e-12);
    EXPECT_NEAR(ratios[1], 0.6 - (0.2 - 0.5 / 3), 1e-12);
    EXPECT_NEAR(ratios[2], 0.6 + 0.5 / 3, 1e-12);
}

TEST(Dlp, EqualScoresGiveTheUniformRatio) {
    for (const double ratio : dlp({3, 3, 3, 3}, 0.5).ratios) {
        EXPECT_DOUBLE_EQ(ratio, 0.5);
    }
}

TEST(Dlp, ScoresThatAreNoNumbersAreRefused) {
    EXPECT_THROW(dlp({1, std::numeric_limits<double>::quiet_NaN()}, 0.5), support::Error);
    EXPECT_THROW(dlp({1, std::numeric_limits<double>::infinity()}, 0.5), support::Error);
}

}  // namespace
}  // namespace alphaprune::allocation
