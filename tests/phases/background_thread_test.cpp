#include "phases/background_thread.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <vector>

#include "alphaprune/support/error.hpp"
#include "support/plain_errors.hpp"

namespace alphaprune::phases {
namespace {

TEST(BackgroundThread, DoesWhatItIsGivenInThatOrderOnOneOtherThread) {
    std::vector<int> done;
    std::vector<std::thread::id> threads;
    std::vector<std::future<void>> futures;
    BackgroundThread beside;
    for (int i = 0; i < 100; ++i) {
        futures.push_back(beside.start([&, i] {
            done.push_back(i);
            threads.push_back(std::this_thread::get_id());
        }));
    }
    futures.back().get();
    std::vector<int> expected(100);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(done, expected);
    EXPECT_EQ(threads, std::vector(100, threads.front()));
    EXPECT_NE(threads.front(), std::this_thread::get_id());
}

TEST(BackgroundThread, ErrorsReachWhoAsksAndTheNextTaskIsDone) {
    BackgroundThread beside;
    std::future<void> bad = beside.start([] { throw support::failure("no space left"); });
    std::future<void> good = beside.start([] {});
    EXPECT_THROW(bad.get(), support::Error);
    EXPECT_NO_THROW(good.get());
}

TEST(BackgroundThread, FinishesWhatItHasBegun) {
    std::promise<void> begun;
    bool done = false;
    {
        BackgroundThread beside;
        beside.start([&] {
            begun.set_value();
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            done = true;
        });
        begun.get_future().wait();
    }
    EXPECT_TRUE(done);
}

}  // namespace
}  // namespace alphaprune::phases
