#include "phase_clock.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace alphaprune::commands
