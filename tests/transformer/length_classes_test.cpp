#include "length_classes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace alphaprune::test {
namespace {

std::int64_t cost_of(const std::vector<std::int64_t>& lengths,
                     const std::vector<parallel::RowRange>& classes, std::int64_t pass_tokens) {
    std::int64_t cost = 0;
    for (const parallel::RowRange& some : classes) {
        cost += pass_tokens + some.size() * lengths[static_cast<std::size_t>(some.begin)];
    }
    return cost;
}

/// The least over all ways to cut the list.
std::int64_t least_cost(const std::vector<std::int64_t>& lengths, std::int64_t pass_tokens) {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (std::uint32_t cuts = 0; cuts < 1U << (lengths.size() - 1); ++cuts) {
        std::vector<parallel::RowRange> classes;
        std::int64_t begin = 0;
        for (std::size_t i = 1; i <= lengths.size(); ++i) {
            if (i == lengths.size() || (cuts >> (i - 1) & 1U) != 0) {
                classes.push_back({begin, static_cast<std::int64_t>(i)});
                begin = static_cast<std::int64_t>(i);
            }
        }
        least = std::min(least, cost_of(lengths, classes, pass_tokens));
    }
    return least;
}

TEST(LengthClasses, AreTheCheapest) {
    std::mt19937 random(3);
    for (int trial = 0; trial < 50; ++trial) {
        std::vector<std::int64_t> lengths(1 + random() % 10);
        std::ranges::generate(lengths, [&] { return 1 + random() % 20; });
        std::ranges::sort(lengths, std::greater<>());
        for (const std::int64_t pass_tokens : {0, 3, 17, 1000}) {
            const auto classes = transformer::length_classes(lengths, pass_tokens);
            std::int64_t begin = 0;
            for (const parallel::RowRange& some : classes) {
                EXPECT_EQ(some.begin, begin);
                begin = some.end;
            }
            EXPECT_EQ(begin, static_cast<std::int64_t>(lengths.size()));
            EXPECT_EQ(cost_of(lengths, classes, pass_tokens), least_cost(lengths, pass_tokens));
        }
    }
}

TEST(LengthClasses, PadNothingWherePassesCostNothing) {
    const std::vector<std::int64_t> lengths{9, 9, 7, 7, 7, 2};
    for (const parallel::RowRange& some : transformer::length_classes(lengths, 0)) {
        EXPECT_EQ(lengths[static_cast<std::size_t>(some.begin)],
                  lengths[static_cast<std::size_t>(some.end - 1)]);
    }
}

TEST(LengthClasses, OfNothingThereIsNone) {
    EXPECT_TRUE(transformer::length_classes({}, 5).empty());
}

}  // namespace
}  // namespace alphaprune::test
