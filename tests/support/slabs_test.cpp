#include "alphaprune/support/slabs.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace alphaprune::support {
namespace {

template <class Index>
std::vector<std::pair<Index, Index>> slabs_of(Index begin, Index end, Index most) {
    std::vector<std::pair<Index, Index>> slabs;
    for_each_slab(begin, end, most,
                  [&](Index first, Index last) { slabs.emplace_back(first, last); });
    return slabs;
}

TEST(Slabs, CoverTheRangeInOrder) {
    using Slabs = std::vector<std::pair<int, int>>;
    EXPECT_EQ(slabs_of(0, 7, 3), (Slabs{{0, 3}, {3, 6}, {6, 7}}));
    EXPECT_EQ(slabs_of(-2, 2, 2), (Slabs{{-2, 0}, {0, 2}}));
    EXPECT_EQ(slabs_of(4, 5, 100), (Slabs{{4, 5}}));
    EXPECT_EQ(slabs_of(5, 5, 1), Slabs{});
}

TEST(Slabs, DoNotOverflowAtTheEndOfTheType) {
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    using Slabs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
    EXPECT_EQ(slabs_of(kMost - 3, kMost, std::uint64_t{2}),
              (Slabs{{kMost - 3, kMost - 1}, {kMost - 1, kMost}}));
}

}  // namespace
}  // namespace alphaprune::support
