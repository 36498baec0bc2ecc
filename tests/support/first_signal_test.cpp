#include "first_signal.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>
#include <vector>

namespace alphaprune::support {
namespace {

using Meaning = FirstSignal::Meaning;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kNow = 3'000'000'000 * kSecond;  // a host that has run for a hundred years

TEST(FirstSignal, OneThatComesLaterMeansAbort) {
    FirstSignal first;
    EXPECT_EQ(first.signal(), 0);
    EXPECT_EQ(first.arrived(SIGTERM, kNow), Meaning::stop);
    EXPECT_EQ(first.arrived(SIGUSR1, kNow), Meaning::same_request);
    EXPECT_EQ(first.arrived(SIGTERM, kNow + kSecond / 5), Meaning::same_request);
    EXPECT_EQ(first.arrived(SIGUSR1, kNow + kSecond / 2), Meaning::abort);
    EXPECT_EQ(first.signal(), SIGTERM);
    first.forget();
    EXPECT_EQ(first.signal(), 0);
    EXPECT_EQ(first.arrived(SIGINT, kNow + kSecond), Meaning::stop);
    EXPECT_EQ(first.signal(), SIGINT);
}

TEST(FirstSignal, AHandlerThatWasInterruptedByTheNextOneComesSecond) {
    FirstSignal first;
    EXPECT_EQ(first.arrived(SIGUSR1, kNow + 5), Meaning::stop);
    EXPECT_EQ(first.arrived(SIGTERM, kNow),
              Meaning::same_request);  // it looked at the clock before
}

TEST(FirstSignal, TwoAtTheSameMomentAreOne) {
    // Two threads go through a long row of these, side by side: again and again they meet.
    std::vector<FirstSignal> row(1'000'000);
    const auto count = [&](int signal, Meaning meaning) {
        std::int64_t found = 0;
        for (FirstSignal& first : row) {
            found += first.arrived(signal, kNow) == meaning ? 1 : 0;
        }
        return found;
    };
    std::int64_t aborts_there = 0;
    std::thread other([&] { aborts_there = count(SIGUSR1, Meaning::abort); });
    const std::int64_t aborts_here = count(SIGTERM, Meaning::abort);
    other.join();
    EXPECT_EQ(aborts_here + aborts_there, 0);
}

}  // namespace
}  // namespace alphaprune::support
