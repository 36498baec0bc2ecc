#include "alphaprune/linalg/aligned_rows.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "support/threads.hpp"

namespace alphaprune::linalg {
namespace {

TEST(AlignedRows, AreSharedInCompleteGroupsOneForEachThreadAtMost) {
    constexpr std::int64_t kGroup = AlignedRows::group();
    constexpr std::int64_t kLarge = 1 << 20;
    for (const int threads : {1, 2, 3}) {
        for (const std::int64_t groups : {0, 1, 2, 3, 7}) {
            std::mutex guard;
            std::set<std::pair<std::int64_t, std::int64_t>> parts;
            share_groups(*test::threads_of(threads), groups * kGroup, kLarge,
                         [&](parallel::RowRange rows) {
                             const std::scoped_lock lock(guard);
                             parts.emplace(rows.begin, rows.end);
                         });
            EXPECT_LE(std::ssize(parts), threads);
            EXPECT_GE(std::ssize(parts), std::min<std::int64_t>((groups + 1) / 2, threads));
            std::int64_t at = 0;
            for (const auto& [begin, end] : parts) {
                EXPECT_EQ(begin, at);
                EXPECT_EQ((end - begin) % kGroup, 0);
                at = end;
            }
            EXPECT_EQ(at, groups * kGroup);
        }
    }
}

/// BLAS may multiply one group by other kernels than several.
TEST(AlignedRows, AreSharedGroupByGroupWhereProductsAreSmall) {
    constexpr std::int64_t kGroup = AlignedRows::group();
    std::mutex guard;
    int parts = 0;
    share_groups(*test::threads_of(2), 7 * kGroup, 100 * 100, [&](parallel::RowRange rows) {
        const std::scoped_lock lock(guard);
        EXPECT_EQ(rows.size(), kGroup);
        ++parts;
    });
    EXPECT_EQ(parts, 7);
}

}  // namespace
}  // namespace alphaprune::linalg
