#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/parallel/work_counter.hpp"
#include "support/world.hpp"

namespace alphaprune::parallel {
namespace {

using test::world;
using Maker = std::unique_ptr<SharedCounters> (*)(const Communicator&, int);

/// Both kinds, whichever would be taken here.
class SharedCountersTest : public testing::TestWithParam<Maker> {
  protected:
    void SetUp() override {
        if (!supports_threads()) {
            GTEST_SKIP() << "MPI does not support threads here";
        }
    }
};

TEST_P(SharedCountersTest, BeginAtZeroAndChangeAsTold) {
    const auto counters = GetParam()(world(), 3);
    for (int number = 0; number < 3; ++number) {
        EXPECT_EQ(counters->add(number, 0), 0);
    }
    world().barrier();
    if (world().rank() == world().size() - 1) {
        EXPECT_EQ(counters->add(1, 40), 0);
        EXPECT_EQ(counters->add(1, 2), 40);
    }
    world().barrier();
    EXPECT_EQ(counters->add(0, 0), 0);
    EXPECT_EQ(counters->add(1, 0), 42);
    EXPECT_EQ(counters->add(2, 0), 0);
}

TEST_P(SharedCountersTest, TwoThreadsARankNeverGetTheSameNumber) {
    constexpr std::int64_t kItems = 600;
    std::vector<std::int64_t> taken(kItems);
    {
        const auto counters = GetParam()(world(), 1);
        std::mutex mutex;
        const auto take = [&] {
            for (std::int64_t item = 0; (item = counters->add(0, 1)) < kItems;) {
                const std::scoped_lock lock(mutex);
                ++taken[static_cast<std::size_t>(item)];
            }
        };
        std::thread other(take);
        take();
        other.join();
    }
    world().all_reduce_sum(std::span(taken));
    EXPECT_EQ(taken, std::vector<std::int64_t>(kItems, 1));
}

TEST_P(SharedCountersTest, TwoSetsKeepApart) {
    const auto one = GetParam()(world(), 1);
    const auto other = GetParam()(world(), 1);
    one->add(0, 1);
    other->add(0, 10);
    world().barrier();
    EXPECT_EQ(one->add(0, 0), world().size());
    EXPECT_EQ(other->add(0, 0), 10 * world().size());
}

INSTANTIATE_TEST_SUITE_P(window, SharedCountersTest, testing::Values(&make_window_counters));
INSTANTIATE_TEST_SUITE_P(served, SharedCountersTest, testing::Values(&make_served_counters));

}  // namespace
}  // namespace alphaprune::parallel
