#include "block_cyclic.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace alphaprune::linalg {
namespace {

/// The definition, index by index: block b belongs to part b mod parts.
std::vector<std::int64_t> dealt_to(int part, std::int64_t size, std::int64_t block, int parts) {
    std::vector<std::int64_t> mine;
    for (std::int64_t index = 0; index < size; ++index) {
        if ((index / block) % parts == part) {
            mine.push_back(index);
        }
    }
    return mine;
}

class EveryDealing : public testing::TestWithParam<int> {};

TEST_P(EveryDealing, AgreesWithTheDefinition) {
    const int parts = GetParam();
    for (std::int64_t size = 0; size <= 41; ++size) {
        for (std::int64_t block = 1; block <= 9; ++block) {
            for (int part = 0; part < parts; ++part) {
                const CyclicDimension dealing{size, block, parts, part};
                const std::vector<std::int64_t> mine = dealt_to(part, size, block, parts);
                ASSERT_EQ(dealing.local_size(), static_cast<std::int64_t>(mine.size()))
                    << size << " in blocks of " << block << " to part " << part;
                for (std::int64_t local = 0; local < dealing.local_size(); ++local) {
                    const std::int64_t global = mine[local];
                    ASSERT_EQ(dealing.global_of(local), global);
                    ASSERT_EQ(dealing.owner_of(global), part);
                }
            }
        }
    }
}

TEST_P(EveryDealing, RunsAreContiguousAndCoverAll) {
    const int parts = GetParam();
    for (const std::int64_t size : {1, 5, 32, 41, 100}) {
        for (int part = 0; part < parts; ++part) {
            const CyclicDimension dealing{size, 7, parts, part};
            std::int64_t at = 0;
            while (at < dealing.local_size()) {
                const std::int64_t end = dealing.run_end(at);
                ASSERT_GT(end, at);
                ASSERT_LE(end, dealing.local_size());
                ASSERT_EQ(dealing.global_of(end - 1) - dealing.global_of(at), end - 1 - at);
                at = end;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Parts, EveryDealing, testing::Values(1, 2, 3, 4, 5, 7));

TEST(BlockCyclic, APartOutsideTheGridHasNothing) {
    EXPECT_EQ((CyclicDimension{100, 8, 3, -1}.local_size()), 0);
}

TEST(BlockCyclic, HoldsIndicesBeyond32Bits) {
    const CyclicDimension dealing{std::int64_t{1} << 40, 32, 3, 2};
    const std::int64_t last = dealing.local_size() - 1;
    EXPECT_EQ(dealing.owner_of(dealing.global_of(last)), 2);
    EXPECT_GT(dealing.global_of(last), std::int64_t{1} << 39);
}

}  // namespace
}  // namespace alphaprune::linalg
