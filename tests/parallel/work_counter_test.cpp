#include "alphaprune/parallel/work_counter.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "alphaprune/parallel/share.hpp"
#include "support/world.hpp"

namespace alphaprune::parallel {
namespace {

using test::world;

TEST(WorkCounter, GivesEveryNumberToExactlyOneRank) {
    constexpr std::int64_t kItems = 1000;
    WorkCounter counter(world());
    std::vector<std::int64_t> taken(kItems);
    for (std::int64_t item = counter.next(); item < kItems; item = counter.next()) {
        taken[static_cast<std::size_t>(item)] = 1;
        counter.item_done();
    }
    world().all_reduce_sum(std::span(taken));
    EXPECT_EQ(taken, std::vector<std::int64_t>(kItems, 1));
    EXPECT_EQ(counter.items_done(), kItems);
}

TEST(WorkCounter, ListsAreCountedEachForItself) {
    constexpr int kLists = 3;
    WorkCounter counter(world(), kLists);
    for (int list = 0; list < kLists; ++list) {
        const std::int64_t items = 10 * (list + 1);
        std::int64_t taken = 0;
        while (counter.next(list) < items) {
            ++taken;
            counter.item_done();
        }
        EXPECT_EQ(world().sum(taken), items);
    }
    EXPECT_EQ(counter.items_done(), 60);
}

TEST(WorkCounter, AnAlarmIsHeardByAll) {
    WorkCounter counter(world());
    EXPECT_FALSE(counter.alarm());
    world().barrier();
    if (world().rank() == world().size() - 1) {
        counter.raise_alarm();
    }
    world().barrier();
    EXPECT_TRUE(counter.alarm());
}

TEST(Share, CoversAllRowsOnceAndEvenly) {
    for (const std::int64_t rows : {0, 1, 2, 5, 7, 100, 101}) {
        for (const int parts : {1, 2, 3, 4, 5, 8, 13}) {
            std::int64_t next = 0;
            for (int part = 0; part < parts; ++part) {
                const RowRange range = share_of(rows, parts, part);
                EXPECT_EQ(range.begin, next);
                EXPECT_GE(range.size(), rows / parts);
                EXPECT_LE(range.size(), rows / parts + 1);
                next = range.end;
            }
            EXPECT_EQ(next, rows);
        }
    }
}

}  // namespace
}  // namespace alphaprune::parallel
