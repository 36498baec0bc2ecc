#include "alphaprune/parallel/job_watch.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <thread>

#include "alphaprune/parallel/runtime.hpp"
#include "alphaprune/support/stop.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"
#include "watch/watch_channel.hpp"

namespace alphaprune::parallel {
namespace {

using std::chrono::milliseconds;
using test::world;

class JobWatchTest : public testing::Test {
  protected:
    void SetUp() override {
        if (world().size() > 1 && !supports_threads()) {
            GTEST_SKIP() << "MPI does not support threads here";
        }
    }
    void TearDown() override {
        support::reset_stop();
        world().barrier();
    }

    /// Whether a stop is requested here in the end; what a test fails for takes 20 seconds.
    static bool hears_of_stop() {
        for (int i = 0; i < 2000 && !support::stop_requested(); ++i) {
            std::this_thread::sleep_for(milliseconds(10));
        }
        return support::stop_requested();
    }
};

TEST_F(JobWatchTest, PartsInGoodOrderAtOnceAndAgain) {
    for (int i = 0; i < 20; ++i) {
        const JobWatch watch(world(), {});
    }
    EXPECT_FALSE(support::stop_requested());
}

TEST_F(JobWatchTest, WhoeverIsAskedAllRanksStopAndKnowWhy) {
    for (int asked = 0; asked < world().size(); ++asked) {
        {
            const JobWatch watch(world(), {});
            EXPECT_FALSE(support::stop_requested());
            world().barrier();
            if (world().rank() == asked) {
                support::request_stop("rank " + std::to_string(asked) + " has had enough");
            }
            EXPECT_TRUE(hears_of_stop());
            EXPECT_EQ(support::stop_reason(), "rank " + std::to_string(asked) + " has had enough");
        }
        support::reset_stop();
    }
}

TEST_F(JobWatchTest, SeveralMayAskAtOnce) {
    const JobWatch watch(world(), {});
    support::request_stop("I say so");
    EXPECT_TRUE(hears_of_stop());
    EXPECT_EQ(support::stop_reason(), "I say so");
}

TEST_F(JobWatchTest, ADeadlineOfOneRankStopsAll) {
    const JobWatch watch(world(), {});
    if (world().rank() == world().size() - 1) {
        support::set_deadline(std::chrono::steady_clock::now(), "time is over");
    }
    EXPECT_TRUE(hears_of_stop());
    EXPECT_EQ(support::stop_reason(), "time is over");
}

TEST_F(JobWatchTest, AFileAsksForAStop) {
    const test::TemporaryFolder folder;
    const auto file = world().broadcast_text((folder.path() / "stop").string());
    JobWatch watch(world(), {});
    watch.look_for_stop_file(file);
    world().barrier();
    EXPECT_FALSE(support::stop_requested());
    world().barrier();
    if (world().is_root()) {
        std::ofstream(file) << "";
    }
    EXPECT_TRUE(hears_of_stop());
    EXPECT_NE(support::stop_reason().find(file), std::string::npos) << support::stop_reason();
    world().barrier();  // the file is there until all have heard
}

TEST_F(JobWatchTest, ARankThatIsLateIsNotLost) {
    std::optional<JobWatch> watch;
    watch.emplace(world(), WatchOptions{milliseconds(1500)});
    if (world().rank() == 0) {
        std::this_thread::sleep_for(milliseconds(2500));  // the others wait in the destructor
    }
    watch.reset();
    if (world().rank() == world().size() - 1) {
        std::this_thread::sleep_for(milliseconds(100));
    }
    watch.emplace(world(), WatchOptions{milliseconds(0)});
}

TEST_F(JobWatchTest, LeavesTheWorkOfItsRankAlone) {
    const JobWatch watch(world(), {milliseconds(2000)});
    std::vector<double> values(100'000);
    for (int round = 1; round <= 30; ++round) {
        std::fill(values.begin(), values.end(), round);
        world().all_reduce_sum(std::span(values));
        ASSERT_EQ(values.front(), round * world().size());
        ASSERT_EQ(values.back(), round * world().size());
    }
}

TEST(WatchChannel, CarriesMessagesAndKnowsWhichAreInFlight) {
    const Communicator& all = world();
    WatchChannel channel(all);
    const int next = (all.rank() + 1) % all.size();
    const int before = (all.rank() + all.size() - 1) % all.size();
    const std::string text(static_cast<std::size_t>(all.rank()) * 1000, 'x');
    channel.send(next, WatchMessage::stop, text);
    EXPECT_TRUE(channel.is_in_flight(next));
    EXPECT_FALSE(channel.nothing_in_flight());
    all.barrier();
    std::optional<WatchChannel::Incoming> message;
    while (!message) {
        message = channel.receive();
    }
    EXPECT_EQ(message->from, before);
    EXPECT_EQ(message->kind, WatchMessage::stop);
    EXPECT_EQ(message->text.size(), static_cast<std::size_t>(before) * 1000);
    while (!channel.nothing_in_flight()) {
        EXPECT_FALSE(channel.receive());
    }
    EXPECT_FALSE(channel.is_in_flight(next));
    channel.enter_barrier();
    while (!channel.all_have_entered()) {
    }
}

}  // namespace
}  // namespace alphaprune::parallel
