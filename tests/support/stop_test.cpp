#include "alphaprune/support/stop.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

namespace alphaprune::support {
namespace {

using namespace std::chrono_literals;

class Stop : public testing::Test {
  protected:
    void SetUp() override { reset_stop(); }
    void TearDown() override { reset_stop(); }
};

TEST_F(Stop, NobodyHasAsked) {
    EXPECT_FALSE(stop_requested());
    EXPECT_EQ(stop_reason(), "");
    EXPECT_FALSE(seconds_left());
    EXPECT_NO_THROW(check_stop());
}

TEST_F(Stop, TheFirstReasonStays) {
    request_stop("one");
    request_stop("two");
    EXPECT_TRUE(stop_requested());
    EXPECT_EQ(stop_reason(), "one");
    try {
        check_stop();
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.status(), ExitStatus::stopped);
    }
}

TEST_F(Stop, EachSignalAsks) {
    listen_for_stop_signals();
    for (const auto& [signal, name] :
         {std::pair{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}, {SIGUSR1, "SIGUSR1"}}) {
        reset_stop();
        std::raise(signal);
        EXPECT_TRUE(stop_requested());
        EXPECT_EQ(stop_reason(), std::string(name) + " came");
    }
}

TEST_F(Stop, ASignalThatIsHeldAsksLater) {
    listen_for_stop_signals();
    hold_stop_signals();
    std::raise(SIGUSR1);
    EXPECT_FALSE(stop_requested());
    listen_for_stop_signals();
    EXPECT_TRUE(stop_requested());
    EXPECT_EQ(stop_reason(), "SIGUSR1 came");
}

TEST_F(Stop, OneSignalThatComesTwiceIsOne) {
    listen_for_stop_signals();
    std::raise(SIGTERM);
    std::raise(SIGTERM);
    EXPECT_TRUE(stop_requested());
}

TEST_F(Stop, ASecondSignalEndsTheProcess) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(
        {
            listen_for_stop_signals();
            std::raise(SIGTERM);
            std::this_thread::sleep_for(300ms);
            std::raise(SIGINT);
        },
        testing::ExitedWithCode(128 + SIGINT), "a second signal: aborted");
}

TEST_F(Stop, TheDeadlineAsksWhenItComes) {
    const auto now = std::chrono::steady_clock::now();
    set_deadline(now + 1h, "far");
    EXPECT_FALSE(stop_requested());
    EXPECT_NEAR(seconds_left().value(), 3600, 5);
    set_deadline(now + 40ms, "near");
    set_deadline(now + 2h, "farther: the nearest counts");
    EXPECT_LT(seconds_left().value(), 0.05);
    std::this_thread::sleep_for(50ms);
    EXPECT_TRUE(stop_requested());
    EXPECT_EQ(stop_reason(), "near");
    EXPECT_EQ(seconds_left(), 0.0);
}

}  // namespace
}  // namespace alphaprune::support
