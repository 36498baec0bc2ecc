// Wanda, row by row and in groups, against a stable sort.
#include "alphaprune/pruning/row_pruning.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

namespace alphaprune::pruning {
namespace {

std::vector<float> normal_values(std::size_t count, unsigned seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    std::ranges::generate(values, [&] { return normal(generator); });
    return values;
}

std::vector<float> norms_for(std::size_t cols, unsigned seed) {
    std::vector<float> norms = normal_values(cols, seed);
    std::ranges::transform(norms, norms.begin(), [](float v) { return std::exp(2 * v); });
    return norms;
}

/// Few different magnitudes, of either sign: equal scores everywhere.
std::vector<float> tied_values(std::size_t count, unsigned seed) {
    std::mt19937 generator(seed);
    std::vector<float> values(count);
    std::ranges::generate(values,
                          [&] { return (static_cast<float>(generator() % 7) - 3.0F) * 0.25F; });
    return values;
}

/// Zeroes the `count` of lowest score in [begin, end), the order being that of a stable sort.
void zero_lowest(std::vector<float>& values, const std::vector<float>& norms, std::size_t begin,
                 std::size_t end, std::size_t cols, std::size_t count) {
    std::vector<std::size_t> order(end - begin);
    std::iota(order.begin(), order.end(), begin);
    std::ranges::stable_sort(order, {}, [&](std::size_t at) {
        return norms.empty() ? std::abs(values[at]) : std::abs(values[at]) * norms[at % cols];
    });
    for (std::size_t i = 0; i < count; ++i) {
        values[order[i]] = 0.0F;
    }
}

/// One row or one group at a time, `count_of(width)` of them.
template <class CountOf>
std::vector<float> pruned_by_sorting(std::vector<float> values, const std::vector<float>& norms,
                                     std::size_t cols, std::size_t group, CountOf count_of) {
    for (std::size_t row = 0; row < values.size(); row += cols) {
        for (std::size_t at = 0; at < cols; at += group) {
            const std::size_t end = std::min(at + group, cols);
            zero_lowest(values, norms, row + at, row + end, cols, count_of(end - at));
        }
    }
    return values;
}

void expect_rows_as_sorted(const std::vector<float>& weights, const std::vector<float>& norms,
                           std::size_t cols) {
    for (const double ratio : {0.0, 1e-9, 0.29, 0.5, 0.7, 0.999, 1.0}) {
        const auto expected = pruned_by_sorting(weights, norms, cols, cols, [&](std::size_t width) {
            return static_cast<std::size_t>(static_cast<double>(width) * ratio);
        });
        auto pruned = weights;
        const auto zeros = prune_rows(pruned, static_cast<std::int64_t>(cols), norms, ratio);
        EXPECT_EQ(pruned, expected) << cols << " columns, ratio " << ratio;
        EXPECT_EQ(zeros, std::ranges::count(expected, 0.0F));
    }
}

void expect_groups_as_sorted(const std::vector<float>& weights, const std::vector<float>& norms,
                             std::size_t cols, Pattern pattern) {
    const auto group = static_cast<std::size_t>(pattern.group);
    const auto expected = pruned_by_sorting(weights, norms, cols, group, [&](std::size_t width) {
        return width * static_cast<std::size_t>(pattern.removed) / group;
    });
    auto pruned = weights;
    const auto zeros = prune_rows(pruned, static_cast<std::int64_t>(cols), norms, pattern);
    EXPECT_EQ(pruned, expected) << pattern.removed << ":" << pattern.group;
    EXPECT_EQ(zeros, std::ranges::count(expected, 0.0F));
}

TEST(Rows, LoseTheLowestScoresAsAStableSortHasThem) {
    for (const std::size_t cols : {1, 2, 63, 100, 257}) {
        expect_rows_as_sorted(normal_values(7 * cols, 1), norms_for(cols, 2), cols);
        expect_rows_as_sorted(normal_values(7 * cols, 3), {}, cols);
    }
}

TEST(Rows, OfEqualScoresLoseTheFirst) {
    for (const std::size_t cols : {5, 64, 211}) {
        expect_rows_as_sorted(tied_values(9 * cols, 4), {}, cols);
        expect_rows_as_sorted(tied_values(9 * cols, 5), std::vector<float>(cols, 3.0F), cols);
    }
    std::vector<float> same(10, -2.0F);
    prune_rows(same, 5, {}, 0.4);
    EXPECT_EQ(same, (std::vector<float>{0, 0, -2, -2, -2, 0, 0, -2, -2, -2}));
}

TEST(Rows, TheCountIsTruncatedAsPythonDoes) {
    std::vector<float> weights = normal_values(200, 6);
    EXPECT_EQ(prune_rows(weights, 100, {}, 0.29), 2 * 28);  // 100 · 0.29 is 28.999999999999996
}

TEST(Rows, ADeadInputGoesFirst) {
    std::vector<float> weights{100, 1, 1, 1};
    prune_rows(weights, 4, std::vector<float>{0, 1, 1, 1}, 0.25);
    EXPECT_EQ(weights, (std::vector<float>{0, 1, 1, 1}));
}

/// Of each row or group, what is gone and then the lowest others, up to the count.
std::vector<float> pruned_behind_gone(std::vector<float> values, const std::vector<float>& norms,
                                      const std::vector<std::uint8_t>& gone, std::size_t group,
                                      std::size_t count) {
    for (std::size_t first = 0; first < values.size(); first += group) {
        std::vector<std::size_t> others;
        std::size_t left = count;
        for (std::size_t at = first; at < first + group; ++at) {
            if (gone[at] != 0) {
                left -= left > 0 ? 1 : 0;
            } else {
                others.push_back(at);
            }
        }
        std::ranges::stable_sort(others, {}, [&](std::size_t at) {
            return std::abs(values[at]) * norms[at % norms.size()];
        });
        for (std::size_t i = 0; i < std::min(left, others.size()); ++i) {
            values[others[i]] = 0.0F;
        }
    }
    return values;
}

TEST(Rows, CountWhatIsGoneBeforeWeightsOfDeadInputs) {
    constexpr std::size_t kCols = 48;
    std::vector<float> weights = normal_values(20 * kCols, 8);
    std::vector<float> norms = norms_for(kCols, 9);
    std::vector<std::uint8_t> gone(weights.size());
    for (std::size_t col = 0; col < kCols; col += 3) {
        norms[col] = 0;
    }
    for (std::size_t at = 0; at < weights.size(); ++at) {
        gone[at] = at * at % 7 < at / kCols % 5 ? 1 : 0;  // in some rows none, in some 5 of 7
        weights[at] = gone[at] != 0 ? 0.0F : weights[at];
    }
    for (const double ratio : {0.0, 0.1, 0.5, 0.8}) {
        const auto count = static_cast<std::size_t>(kCols * ratio);
        const auto expected = pruned_behind_gone(weights, norms, gone, kCols, count);
        std::vector<float> pruned = weights;
        EXPECT_EQ(prune_rows(pruned, kCols, norms, ratio, gone),
                  std::ranges::count(expected, 0.0F));
        EXPECT_EQ(pruned, expected) << ratio;
        for (std::size_t row = 0; row < pruned.size(); row += kCols) {  // the ratio, and no more
            const auto own = std::span(gone).subspan(row, kCols);
            EXPECT_EQ(std::ranges::count(std::span(pruned).subspan(row, kCols), 0.0F),
                      std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(count),
                                               std::ranges::count(own, 1)));
        }
    }
    std::vector<float> pruned = weights;
    prune_rows(pruned, kCols, norms, Pattern{2, 4}, gone);
    EXPECT_EQ(pruned, pruned_behind_gone(weights, norms, gone, 4, 2));
}

TEST(Rows, NoneAtAllAreNoWork) {
    EXPECT_EQ(prune_rows({}, 8, {}, 0.5), 0);
    EXPECT_EQ(prune_rows({}, 8, {}, Pattern{2, 4}), 0);
}

TEST(Groups, LoseTheLowestScoresAsAStableSortHasThem) {
    for (const Pattern pattern : {Pattern{2, 4}, Pattern{4, 8}, Pattern{1, 2}, Pattern{7, 8},
                                  Pattern{3, 5}, Pattern{1, 16}, Pattern{15, 16}, Pattern{0, 8}}) {
        for (const std::size_t cols : {3, 16, 99, 240}) {
            expect_groups_as_sorted(normal_values(6 * cols, 7), norms_for(cols, 8), cols, pattern);
            expect_groups_as_sorted(tied_values(6 * cols, 9), {}, cols, pattern);
        }
    }
}

TEST(Groups, ALastOneThatIsNarrowerLosesItsShare) {
    std::vector<float> weights{1, 2, 3, 4, 1, 2, 3};
    EXPECT_EQ(prune_rows(weights, 7, {}, Pattern{2, 4}), 3);
    EXPECT_EQ(weights, (std::vector<float>{0, 0, 3, 4, 0, 2, 3}));
}

TEST(PatternNamed, UnderstandsNOfMAndNothingElse) {
    const auto named = pattern_named("2:4");
    ASSERT_TRUE(named);
    EXPECT_EQ(named->removed, 2);
    EXPECT_EQ(named->group, 4);
    EXPECT_EQ(pattern_named("15:16")->group, 16);
    for (const char* const wrong : {"", ":", "2", "2:", ":4", "4:4", "5:4", "0:4", "1:17", "-1:4",
                                    "+2:4", " 2:4", "2:4 ", "2:4:8", "2.0:4", "a:b", "1:016"}) {
        EXPECT_FALSE(pattern_named(wrong)) << wrong;
    }
}

TEST(Outliers, AreScoresAboveAMultipleOfTheMean) {
    const std::size_t cols = 50;
    const auto norms = norms_for(cols, 10);
    const auto weights = normal_values(20 * cols, 11);
    double sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        sum += double{std::abs(weights[i]) * norms[i % cols]};
    }
    EXPECT_DOUBLE_EQ(sum_of_scores(weights, 50, norms), sum);
    const double mean = sum / static_cast<double>(weights.size());
    std::int64_t expected = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        expected += double{std::abs(weights[i]) * norms[i % cols]} > 5 * mean ? 1 : 0;
    }
    EXPECT_GT(expected, 10);
    EXPECT_EQ(count_outliers(weights, 50, norms, mean, 5), expected);
    EXPECT_EQ(count_outliers(std::vector<float>{1, -5, 5.5F, 6}, 2, {}, 1, 5),
              2);  // 5 is not above
}

}  // namespace
}  // namespace alphaprune::pruning
