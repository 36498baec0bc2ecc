#include "phases/alarm_watch.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "alphaprune/support/stop.hpp"
#include "support/world.hpp"

namespace alphaprune::phases {
namespace {

TEST(AlarmWatch, WorkIsAbandonedOnAllRanksOnceOneRaisesTheAlarm) {
    parallel::WorkCounter counter(test::world());
    {
        const AlarmWatch watch(counter);
        EXPECT_FALSE(support::work_abandoned());
        EXPECT_NO_THROW(support::check_stop());
        if (test::world().rank() == test::world().size() - 1) {
            counter.raise_alarm();
        }
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!support::work_abandoned() && std::chrono::steady_clock::now() < end) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        EXPECT_TRUE(support::work_abandoned());
        EXPECT_THROW(support::check_stop(), support::Error);
        EXPECT_FALSE(support::stop_requested());
    }
    EXPECT_FALSE(support::work_abandoned());
}

}  // namespace
}  // namespace alphaprune::phases
