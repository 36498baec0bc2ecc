#include "alphaprune/parallel/work_clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <thread>

#include "alphaprune/parallel/team.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/message.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

using parallel::Work;
using parallel::WorkClock;

const support::Failure<> kNoWork{"test.no-work", "this rank cannot", "a test", "none"};

/// At least so many seconds pass.
constexpr double kNap = 0.002;
void nap() {
    std::this_thread::sleep_for(std::chrono::duration<double>(kNap));
}

double in_blocks(const parallel::RankTimes& times, Work work) {
    return std::accumulate(times.blocks.begin(), times.blocks.end(), 0.0,
                           [&](double sum, const auto& block) { return sum + block.second[work]; });
}

TEST(WorkClock, TheInnermostScopeHasTheTime) {
    WorkClock clock;
    const support::Stopwatch watch;
    clock.begin_phase();
    {
        const auto running = clock.during(Work::forward);
        nap();
        {
            const auto gathering = clock.during(Work::statistics);
            nap();
            nap();
        }
        nap();
    }
    const parallel::WorkSeconds seconds = clock.times().phase;
    EXPECT_GE(seconds[Work::forward], 2 * kNap);
    EXPECT_GE(seconds[Work::statistics], 2 * kNap);
    for (const Work none : {Work::read, Work::prune, Work::exchange, Work::write, Work::wait}) {
        EXPECT_EQ(seconds[none], 0) << name_of(none);
    }
    EXPECT_EQ(seconds.busy(), seconds.total());
    EXPECT_LE(seconds.total(), watch.seconds());  // nothing counts twice
}

TEST(WorkClock, ABlockHasWhatComesBetweenItsBeginningAndItsEnd) {
    WorkClock clock;
    clock.begin_phase();
    const auto read = [&] {
        const auto reading = clock.during(Work::read);
        nap();
    };
    read();
    for (const int block : {3, 5, 3}) {
        clock.begin_block(block);
        read();
    }
    clock.end_blocks();
    read();
    const parallel::RankTimes& times = clock.times();
    ASSERT_EQ(times.blocks.size(), 2U);
    EXPECT_EQ(times.blocks[0].first, 3);
    EXPECT_EQ(times.blocks[1].first, 5);
    EXPECT_GE(times.blocks[0].second[Work::read], 2 * kNap);
    EXPECT_GE(times.blocks[1].second[Work::read], kNap);
    EXPECT_GE(times.phase[Work::read], in_blocks(times, Work::read) + 2 * kNap);
    clock.begin_phase();
    EXPECT_EQ(clock.times().blocks.size(), 0U);
    EXPECT_EQ(clock.times().phase[Work::read], 0);
}

TEST(WorkClock, WhoIsDoneFirstWaitsForTheOthers) {
    WorkClock clock;
    world().barrier();
    clock.begin_phase();
    const bool is_slow = world().is_root();
    parallel::work_collectively(world(), clock, Work::prune, [&] { is_slow ? nap() : void(); });
    const std::vector<parallel::RankTimes> all = parallel::gather_times(world(), clock);
    EXPECT_EQ(all.size(), world().is_root() ? static_cast<std::size_t>(world().size()) : 0U);
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
        const parallel::WorkSeconds& seconds = all[rank].phase;
        EXPECT_GT(seconds[Work::wait], 0);
        EXPECT_GT(seconds[Work::prune], rank == 0 ? kNap / 2 : 0);
        EXPECT_LT(seconds.busy(), seconds.total());
    }
}

TEST(WorkClock, AnErrorIsEveryonesAndEndsItsScope) {
    WorkClock clock;
    clock.begin_phase();
    EXPECT_THROW(parallel::work_collectively(world(), clock, Work::write,
                                             [&] {
                                                 if (world().rank() == world().size() - 1) {
                                                     throw kNoWork("");
                                                 }
                                             }),
                 support::Error);
    const double written = clock.times().phase[Work::write];
    nap();
    EXPECT_EQ(clock.times().phase[Work::write], written);
}

TEST(WorkClock, GathersTheBlocksOfEachRank) {
    WorkClock clock;
    clock.begin_phase();
    for (int block = 0; block < 3; ++block) {
        clock.begin_block(block);
        const auto working = clock.during(world().rank() % 2 == 0 ? Work::forward : Work::exchange);
        nap();
    }
    clock.end_blocks();
    const std::vector<parallel::RankTimes> all = parallel::gather_times(world(), clock);
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
        ASSERT_EQ(all[rank].blocks.size(), 3U);
        for (int block = 0; block < 3; ++block) {
            const auto& [number, seconds] = all[rank].blocks[static_cast<std::size_t>(block)];
            EXPECT_EQ(number, block);
            EXPECT_GE(seconds[rank % 2 == 0 ? Work::forward : Work::exchange], kNap);
            EXPECT_EQ(seconds[rank % 2 == 0 ? Work::exchange : Work::forward], 0);
        }
    }
}

TEST(WorkClock, ATeamWaitsForItsSlowest) {
    const auto clock = std::make_shared<WorkClock>();
    const parallel::Team team(world().duplicate(), parallel::ThreadPool::single(), clock);
    team.sync();
    clock->begin_phase();
    {
        const auto running = clock->during(Work::forward);
        team.share(1, [](std::int64_t, int) { nap(); });  // the first rank's
        team.sync();
    }
    const parallel::WorkSeconds seconds = clock->times().phase;
    if (world().is_root()) {
        EXPECT_GE(seconds[Work::forward], kNap);
    }
    EXPECT_EQ(seconds[Work::wait] > 0, world().size() > 1);
}

}  // namespace
}  // namespace alphaprune::test
