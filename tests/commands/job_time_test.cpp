#include <gtest/gtest.h>

#include "job.hpp"

namespace alphaprune::commands {
namespace {

TEST(PhaseClock, APhaseMeasuredTwiceIsOneEntry) {
    PhaseClock clock;
    clock.measure("read", [] {});
    const double once = clock.phases().front().second;
    clock.measure("prune", [] {});
    EXPECT_EQ(clock.measure("read", [] { return 3; }), 3);
    ASSERT_EQ(clock.phases().size(), 2U);
    EXPECT_EQ(clock.phases()[0].first, "read");
    EXPECT_GE(clock.phases()[0].second, once);
    EXPECT_EQ(clock.phases()[1].first, "prune");
}

TEST(TimeLimit, SomeTimeIsLeftForStopping) {
    EXPECT_EQ(stopping_time(3600 * 10), 60);
    EXPECT_EQ(stopping_time(600), 30);
    EXPECT_EQ(stopping_time(10), 2);
    EXPECT_EQ(stopping_time(2), 1);
}

}  // namespace
}  // namespace alphaprune::commands
