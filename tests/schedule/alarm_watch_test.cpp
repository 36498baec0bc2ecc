#include "alarm_watch.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "alphaprune/support/stop.hpp"
#include "support/world.hpp"

namespace alphaprune {
namespace {

TEST(AlarmWatch, WorkIsAbandonedOnAllRanksOnceOneRaisesTheAlarm) {
    WorkCounter counter(test::world());
    {
        const AlarmWatch watch(counter);
        EXPECT_FALSE(work_abandoned());
        EXPECT_NO_THROW(check_stop());
        if (test::world().rank() == test::world().size() - 1) {
            counter.raise_alarm();
        }
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!work_abandoned() && std::chrono::steady_clock::now() < end) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        EXPECT_TRUE(work_abandoned());
        EXPECT_THROW(check_stop(), Error);
        EXPECT_FALSE(stop_requested());
    }
    EXPECT_FALSE(work_abandoned());
}

}  // namespace
}  // namespace alphaprune
