#include "alphaprune/parallel/thread_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace alphaprune::test {
namespace {

TEST(ThreadPool, DoesEachItemOnce) {
    for (const int threads : {1, 2, 5}) {
        const parallel::ThreadPool pool(threads);
        for (const std::int64_t count : {0, 1, 2, 100}) {
            std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
            std::atomic<bool> known = true;
            pool.run(count, [&](std::int64_t item, int thread) {
                ++calls[static_cast<std::size_t>(item)];
                known = known && 0 <= thread && thread < threads;
            });
            EXPECT_TRUE(std::ranges::all_of(calls, [](const auto& n) { return n == 1; }));
            EXPECT_TRUE(known);
        }
    }
}

TEST(ThreadPool, SharesSlicesThatCoverEachValueOnce) {
    const parallel::ThreadPool pool(3);
    for (const std::int64_t size : {0, 1, 7, 8, 9, 100}) {
        std::vector<std::atomic<int>> calls(static_cast<std::size_t>(size));
        pool.run_slices(size, 8, [&](parallel::RowRange range) {
            EXPECT_EQ(range.begin % 8, 0);
            EXPECT_TRUE(range.size() == 8 || range.end == size);
            for (std::int64_t i = range.begin; i < range.end; ++i) {
                ++calls[static_cast<std::size_t>(i)];
            }
        });
        EXPECT_TRUE(std::ranges::all_of(calls, [](const auto& n) { return n == 1; })) << size;
    }
}

TEST(ThreadPool, WorksOnAllThreadsAtOnce) {
    const parallel::ThreadPool pool(3);
    std::atomic<int> present = 0;
    std::mutex guard;
    std::set<int> numbers;
    pool.run(3, [&](std::int64_t, int thread) {
        ++present;
        while (present < 3) {  // for ever, if they came one after another
            std::this_thread::yield();
        }
        const std::scoped_lock lock(guard);
        numbers.insert(thread);
    });
    EXPECT_EQ(numbers, (std::set{0, 1, 2}));
}

TEST(ThreadPool, PassesOnWhatOneCallThrowsAndGoesOn) {
    const parallel::ThreadPool pool(2);
    for (int turn = 0; turn < 3; ++turn) {
        std::atomic<int> begun = 0;
        const auto fails = [&](std::int64_t item, int) {
            ++begun;
            if (item == 3) {
                throw std::runtime_error("item 3");
            }
        };
        EXPECT_THROW(pool.run(100000, fails), std::runtime_error);
        EXPECT_LT(begun, 100000);
        std::atomic<int> done = 0;
        pool.run(10, [&](std::int64_t, int) { ++done; });
        EXPECT_EQ(done, 10);
    }
}

TEST(ThreadPool, PreparesEveryOtherThread) {
    std::atomic<int> prepared = 0;
    {
        const parallel::ThreadPool pool(4, [&] { ++prepared; });
    }
    EXPECT_EQ(prepared, 3);
}

}  // namespace
}  // namespace alphaprune::test
