#include "projection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "pruning/plain_solver.hpp"
#include "pruning/shares.hpp"
#include "support/threads.hpp"

namespace alphaprune::pruning {
namespace {

/// What a sort of the whole matrix keeps.
std::vector<float> projected_by_sorting(std::vector<float> values, std::int64_t cols,
                                        const PruneTarget& target) {
    const auto kept = test::kept_by_sorting({values.begin(), values.end()},
                                            static_cast<std::size_t>(cols), target);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = kept[i] ? values[i] : 0.0F;
    }
    return values;
}

/// Whole rows, spread in each way.
void expect_projection(const std::vector<float>& values, std::int64_t cols,
                       const PruneTarget& target) {
    const auto expected = projected_by_sorting(values, cols, target);
    const auto width = static_cast<std::size_t>(cols);
    const auto rank = static_cast<std::size_t>(test::world().rank());
    for (const test::Split split : test::kSplits) {
        const auto cuts = test::cuts_of(values.size() / width, split);
        const auto mine_of = [&](const std::vector<float>& all) {
            return std::vector<float>(
                all.begin() + static_cast<std::ptrdiff_t>(cuts[rank] * width),
                all.begin() + static_cast<std::ptrdiff_t>(cuts[rank + 1] * width));
        };
        std::vector<float> mine = mine_of(values);
        Projection project(test::world(), *test::threads_of(3), std::ssize(mine), cols, target);
        EXPECT_EQ(project.total(), static_cast<std::int64_t>(values.size()));
        std::vector<float> out(mine.size(), 7.0F);
        project(mine, out);
        EXPECT_EQ(out, mine_of(expected)) << "ratio " << target.ratio;
        project(mine, mine);
        EXPECT_EQ(mine, out) << "in place";
    }
}

constexpr Pattern kGroups[] = {{2, 4}, {4, 8}, {1, 2}, {3, 5}, {15, 16}};

void expect_projections(const std::vector<float>& values, std::int64_t cols) {
    for (const double ratio : {0.0, 1e-9, 0.1, 0.29, 0.5, 0.7, 0.97, 1.0}) {
        expect_projection(values, cols, {ratio, {}});
    }
    for (const Pattern pattern : kGroups) {
        expect_projection(values, cols,
                          {static_cast<double>(pattern.removed) / pattern.group, pattern});
    }
}

std::vector<float> projected_values(std::size_t count, unsigned seed, bool tied) {
    std::mt19937_64 generator(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    std::ranges::generate(values, [&] {
        return tied ? (static_cast<float>(generator() % 7) - 3.0F) * 0.25F : normal(generator);
    });
    return values;
}

TEST(Projection, KeepsWhatASortOfTheWholeMatrixKeeps) {
    expect_projections(projected_values(20 * 32, 1, false), 32);
    expect_projections(projected_values(7 * 45, 2, false), 45);  // no whole number of groups
    expect_projections(projected_values(31, 3, false), 1);
    expect_projections({-2.5F}, 1);
}

TEST(Projection, OfEqualMagnitudesLetsTheFirstGoOnWhateverRank) {
    expect_projections(projected_values(20 * 32, 4, true), 32);
    expect_projections(projected_values(9 * 21, 5, true), 21);
    expect_projections(std::vector<float>(11 * 8, -0.25F), 8);
    expect_projections(std::vector<float>(11 * 8, 0.0F), 8);
    std::vector<float> signs(10 * 6);
    for (std::size_t i = 0; i < signs.size(); ++i) {
        signs[i] = i % 3 == 0 ? -1.5F : 1.5F;
    }
    expect_projections(signs, 6);
}

TEST(Projection, OfManyValuesThatThreadsShareKeepsWhatASortKeeps) {
    constexpr std::int64_t kCols = 300;
    for (const bool tied : {false, true}) {
        const std::vector<float> values = projected_values(300 * kCols, 8, tied);
        expect_projection(values, kCols, {0.7, {}});
        expect_projection(values, kCols, {0.5, Pattern{2, 4}});
    }
}

/// One object, which remembers where the threshold was: near it, far from it, and gone.
TEST(Projection, OfValuesThatMoveKeepsWhatASortKeeps) {
    constexpr std::int64_t kCols = 1024;
    std::vector<float> values = projected_values(50 * kCols, 7, false);
    const PruneTarget target{0.7, {}};
    const auto cuts = test::cuts_of(50, test::Split::random);
    const auto rank = static_cast<std::size_t>(test::world().rank());
    const auto begin = static_cast<std::ptrdiff_t>(cuts[rank] * kCols);
    const auto end = static_cast<std::ptrdiff_t>(cuts[rank + 1] * kCols);
    Projection project(test::world(), *test::threads_of(2), end - begin, kCols, target);
    for (const float factor :
         {1.0F, 1.001F, 0.9995F, 1.02F, 1.5F, 0.01F, 300.0F, 1.0F, 0.0F, 1.0F}) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] *= factor * (i % 5 == 0 ? 1.002F : 1.0F);
        }
        if (factor == 0) {  // from nothing, and back
            values[5] = 3;
        }
        const auto expected = projected_by_sorting(values, kCols, target);
        std::vector<float> out(static_cast<std::size_t>(end - begin));
        project(std::span(values).subspan(static_cast<std::size_t>(begin), out.size()), out);
        EXPECT_EQ(out, std::vector<float>(expected.begin() + begin, expected.begin() + end))
            << "factor " << factor;
    }
}

TEST(Projection, OfWhatIsGoneNothingStays) {
    constexpr std::int64_t kCols = 24;
    const std::vector<float> values = projected_values(30 * kCols, 9, false);
    std::vector<float> without = values;
    std::vector<std::uint8_t> gone(values.size());
    for (std::size_t i = 0; i < gone.size(); ++i) {
        gone[i] = i * i % 5 < 2 ? 1 : 0;  // three of five
        without[i] = gone[i] != 0 ? 0.0F : values[i];
    }
    const auto cuts = test::cuts_of(30, test::Split::random);
    const auto rank = static_cast<std::size_t>(test::world().rank());
    const std::size_t begin = cuts[rank] * kCols;
    const std::size_t size = cuts[rank + 1] * kCols - begin;
    const auto all_gone = static_cast<std::int64_t>(std::ranges::count(gone, 1));
    for (const PruneTarget& target : {PruneTarget{0.8, {}}, PruneTarget{0.3, {}},
                                      PruneTarget{0.0, {}}, PruneTarget{0.5, Pattern{2, 4}}}) {
        const auto expected = projected_by_sorting(without, kCols, target);
        Projection project(test::world(), *test::threads_of(2), static_cast<std::int64_t>(size),
                           kCols, target, std::span(gone).subspan(begin, size));
        std::vector<float> out(size);
        project(std::span(values).subspan(begin, size), out);
        const auto first = expected.begin() + static_cast<std::ptrdiff_t>(begin);
        EXPECT_EQ(out, std::vector<float>(first, first + static_cast<std::ptrdiff_t>(size)));
        const auto removed = static_cast<std::int64_t>(720 * target.ratio);
        if (!target.pattern) {
            EXPECT_EQ(project.kept(), 720 - std::max(removed, all_gone));
        }
    }
}

TEST(Projection, CountsWhatStays) {
    const std::vector<float> values = projected_values(30 * 21, 6, false);
    const auto mine = static_cast<std::size_t>(test::world().is_root() ? values.size() : 0);
    const auto kept_at = [&](const PruneTarget& target) {
        Projection project(test::world(), *test::threads_of(1), static_cast<std::int64_t>(mine), 21,
                           target);
        std::vector<float> out(mine);
        project(std::span(values).first(mine), out);
        EXPECT_EQ(test::world().sum(std::ranges::count_if(out, [](float v) { return v != 0; })),
                  project.kept());
        return project.kept();
    };
    EXPECT_EQ(kept_at({0, {}}), 630);
    EXPECT_EQ(kept_at({1, {}}), 0);
    EXPECT_EQ(kept_at({0.29, {}}), 630 - 182);
    EXPECT_EQ(kept_at({0.5, Pattern{2, 4}}), 30 * 11);      // 21 = 5·4 + 1, of which none goes
    EXPECT_EQ(kept_at({0.5, Pattern{4, 8}}), 30 * 11);      // 21 = 2·8 + 5, of which 2 go
    EXPECT_EQ(kept_at({0.9375, Pattern{15, 16}}), 30 * 2);  // 21 = 16 + 5, of which 4 go
}

}  // namespace
}  // namespace alphaprune::pruning
