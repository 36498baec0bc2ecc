#include "selection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "joint_selection.hpp"
#include "pruning/shares.hpp"
#include "support/threads.hpp"

namespace alphaprune::pruning {
namespace {

using test::Split;

/// Every position of the order, against a sort of all keys.
template <class Key>
void expect_order(const std::vector<Key>& all, Split split, std::size_t stride) {
    std::vector<Key> sorted = all;
    std::ranges::sort(sorted);
    const std::vector<Key> mine = test::share_of(all, split);
    for (std::size_t position = 0; position < all.size(); position += stride) {
        const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), sorted[position]);
        const Selected found =
            select_key(test::world(), std::span<const Key>(mine), static_cast<int>(position));
        EXPECT_EQ(found.key, sorted[position]) << "position " << position;
        EXPECT_EQ(found.below, first - sorted.begin());
        EXPECT_EQ(found.equal, last - first);
        EXPECT_EQ(found.below_here,
                  std::ranges::count_if(mine, [&](Key key) { return key < found.key; }));
        EXPECT_EQ(found.equal_here, std::ranges::count(mine, static_cast<Key>(found.key)));
    }
}

template <class Key>
std::vector<Key> random_keys(std::size_t count, std::uint64_t different) {
    std::mt19937_64 generator(count);
    std::vector<Key> keys(count);
    for (Key& key : keys) {
        key = static_cast<Key>(generator() % different);
    }
    return keys;
}

TEST(Selection, OfShortKeysIsThatOfASort) {
    for (const Split split : test::kSplits) {
        expect_order(random_keys<std::uint16_t>(997, 65536), split, 249);
        expect_order(random_keys<std::uint16_t>(1000, 7), split, 333);
    }
}

TEST(Selection, OfLongKeysIsThatOfASort) {
    for (const Split split : test::kSplits) {
        expect_order(random_keys<std::uint32_t>(997, std::uint64_t{1} << 32), split, 249);
        expect_order(random_keys<std::uint32_t>(1000, 150'000), split, 333);
        expect_order(random_keys<std::uint32_t>(1000, 3), split, 333);
    }
}

TEST(Selection, KnowsTheEndsOfTheRange) {
    const std::vector<std::uint32_t> keys{0, 0xFFFFFFFFU, 0xFFFF0000U, 0x0000FFFFU, 0x00010000U};
    expect_order(keys, Split::even, 1);
    const std::vector<std::uint16_t> short_keys{0xFFFFU, 0, 0x8000U, 0x7FFFU};
    expect_order(short_keys, Split::random, 1);
}

TEST(Selection, OfOneKeyOnAnyRank) {
    for (const Split split : test::kSplits) {
        expect_order(std::vector<std::uint16_t>{4711}, split, 1);
        expect_order(std::vector<std::uint32_t>{0x12345678U}, split, 1);
    }
}

TEST(Selection, OfSeveralSetsAtOnceIsThatOfEach) {
    for (const Split split : test::kSplits) {
        std::vector<std::vector<std::uint32_t>> sets;
        std::vector<std::int64_t> positions;
        for (const std::size_t size : {1, 50, 997, 1000, 100'000}) {
            const auto all = random_keys<std::uint32_t>(size, size == 1000 ? 3 : 0xFFFFFFFFU);
            sets.push_back(test::share_of(all, split));
            positions.push_back(static_cast<std::int64_t>(size * 7 / 10));
        }
        const auto found =
            select_keys<std::uint32_t>(test::world(), *test::threads_of(3), sets, positions);
        ASSERT_EQ(found.size(), sets.size());
        for (std::size_t set = 0; set < sets.size(); ++set) {
            const Selected alone = select_key(
                test::world(), std::span<const std::uint32_t>(sets[set]), positions[set]);
            EXPECT_EQ(found[set].key, alone.key);
            EXPECT_EQ(found[set].below, alone.below);
            EXPECT_EQ(found[set].equal, alone.equal);
            EXPECT_EQ(found[set].below_here, alone.below_here);
            EXPECT_EQ(found[set].equal_here, alone.equal_here);
        }
    }
    EXPECT_TRUE(select_keys<std::uint32_t>(test::world(), *test::threads_of(3), {}, {}).empty());
}

}  // namespace
}  // namespace alphaprune::pruning
