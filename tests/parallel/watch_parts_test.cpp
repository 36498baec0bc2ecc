// The pieces of the job watch that need no other rank.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "watch/heartbeat.hpp"
#include "watch/process_identity.hpp"
#include "watch/watch_texts.hpp"

namespace alphaprune::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(WatchTree, JoinsAllRanksAndEveryNeighborKnowsIt) {
    for (const int size : {1, 2, 3, 8, 9, 10, 73, 74, 1000}) {
        std::set<int> reached{0};
        for (int rank = 0; rank < size; ++rank) {
            const std::vector<int> neighbors = WatchTree::neighbors(rank, size);
            EXPECT_LE(neighbors.size(), 9U);
            for (const int other : neighbors) {
                ASSERT_GE(other, 0);
                ASSERT_LT(other, size);
                const std::vector<int> back = WatchTree::neighbors(other, size);
                EXPECT_EQ(std::count(back.begin(), back.end(), rank), 1) << rank << " " << other;
                reached.insert(other);
            }
            // Parents come before their children, so whoever is reached is connected to rank 0.
            EXPECT_TRUE(reached.contains(rank)) << rank << " of " << size;
        }
    }
}

TEST(WatchTree, HasNoOverflowAtItsEdge) {
    constexpr int kMost = std::numeric_limits<int>::max();
    EXPECT_EQ(WatchTree::neighbors(kMost - 1, kMost), std::vector{(kMost - 2) / 8});
}

TEST(HeartbeatMonitor, NamesRanksThatAreSilent) {
    HeartbeatMonitor monitor({0, 4, 5}, seconds(2));
    for (int i = 0; i < 19; ++i) {
        monitor.pass(milliseconds(100));
        monitor.heard_from(4);
        EXPECT_TRUE(monitor.lost().empty());
    }
    monitor.heard_from(5);
    monitor.heard_from(77);  // not one it monitors
    monitor.pass(milliseconds(100));
    EXPECT_EQ(monitor.lost(), std::vector{0});
}

TEST(HeartbeatMonitor, NamesAlsoThoseThatAreAboutToBeLost) {
    HeartbeatMonitor monitor({1, 2, 3}, seconds(3));
    for (int i = 0; i < 30; ++i) {
        EXPECT_TRUE(monitor.lost().empty());
        if (i == 5) {
            monitor.heard_from(2);
        }
        if (i == 20) {
            monitor.heard_from(3);
        }
        monitor.pass(milliseconds(100));
    }
    EXPECT_EQ(monitor.lost(), (std::vector{1, 2}));
}

TEST(HeartbeatMonitor, DoesNotCountWhileThisProcessIsSuspended) {
    HeartbeatMonitor monitor({1}, seconds(2));
    monitor.pass(std::chrono::hours(5));
    EXPECT_TRUE(monitor.lost().empty());
}

TEST(HeartbeatMonitor, WithoutALimitLosesNobody) {
    HeartbeatMonitor monitor({1}, milliseconds(0));
    for (int i = 0; i < 1000; ++i) {
        monitor.pass(milliseconds(200));
    }
    EXPECT_TRUE(monitor.lost().empty());
}

TEST(ProcessIdentity, TellsALivingProcessFromADeadOne) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    ASSERT_GT(child, 0);
    const auto process = identify_process(child);
    ASSERT_TRUE(process);
    EXPECT_TRUE(is_running(*process));
    ::kill(child, SIGSTOP);
    EXPECT_TRUE(is_running(*process));
    ::kill(child, SIGKILL);
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    EXPECT_FALSE(is_running(*process)) << "dead, but nobody has asked for its status yet";
    ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(is_running(*process));
}

TEST(ProcessIdentity, IsNotTakenInByALaterProcessOfTheSameNumber) {
    auto process = identify_process(::getpid());
    ASSERT_TRUE(process);
    EXPECT_TRUE(is_running(*process));
    ++process->started;
    EXPECT_FALSE(is_running(*process));
}

TEST(WatchTexts, NameRanksHostsAndWhatToDo) {
    const std::vector<RankPlace> lost{{2, "n2"}, {3, "n2"}, {6, "n4"}};
    const std::string text = lost_ranks_text(lost, milliseconds(2500), "n1");
    EXPECT_NE(text.find("error: ranks 2, 3 (host n2) and rank 6 (host n4) have not been heard of "
                        "for 2.5 s\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("hosts n2, n4, or the network between there and host n1\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("--resume"), std::string::npos);
}

TEST(WatchTexts, DoNotSuspectTheNetworkWithinAHost) {
    const std::vector<RankPlace> lost{{1, "n1"}};
    const std::string text = lost_ranks_text(lost, seconds(20), "n1");
    EXPECT_NE(text.find("rank 1 (host n1) has not been heard of for 20 s\n  where:  host n1\n"),
              std::string::npos)
        << text;
}

}  // namespace
}  // namespace alphaprune::parallel
