// The pieces of the job watch that need no other rank.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "watch/process_mark.hpp"
#include "watch/silence.hpp"
#include "watch/watch_texts.hpp"
#include "watch/watch_tree.hpp"

namespace alphaprune::parallel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(WatchTree, joins_all_ranks_and_every_neighbour_knows_it) {
    for (const int size : {1, 2, 3, 8, 9, 10, 73, 74, 1000}) {
        std::set<int> reached{0};
        for (int rank = 0; rank < size; ++rank) {
            const std::vector<int> neighbours = WatchTree::neighbours(rank, size);
            EXPECT_LE(neighbours.size(), 9U);
            for (const int other : neighbours) {
                ASSERT_GE(other, 0);
                ASSERT_LT(other, size);
                const std::vector<int> back = WatchTree::neighbours(other, size);
                EXPECT_EQ(std::count(back.begin(), back.end(), rank), 1) << rank << " " << other;
                reached.insert(other);
            }
            // Parents come before their children, so whoever is reached hangs on rank 0.
            EXPECT_TRUE(reached.contains(rank)) << rank << " of " << size;
        }
    }
}

TEST(WatchTree, has_no_overflow_at_its_edge) {
    constexpr int kMost = std::numeric_limits<int>::max();
    EXPECT_EQ(WatchTree::neighbours(kMost - 1, kMost), std::vector{(kMost - 2) / 8});
}

TEST(Silence, names_who_is_not_heard_of) {
    Silence silence({0, 4, 5}, seconds(2));
    for (int i = 0; i < 19; ++i) {
        silence.pass(milliseconds(100));
        silence.heard_of(4);
        EXPECT_TRUE(silence.lost().empty());
    }
    silence.heard_of(5);
    silence.heard_of(77);  // nobody it waits for
    silence.pass(milliseconds(100));
    EXPECT_EQ(silence.lost(), std::vector{0});
}

TEST(Silence, names_also_those_that_are_about_to_be_lost) {
    Silence silence({1, 2, 3}, seconds(3));
    for (int i = 0; i < 30; ++i) {
        EXPECT_TRUE(silence.lost().empty());
        if (i == 5) {
            silence.heard_of(2);
        }
        if (i == 20) {
            silence.heard_of(3);
        }
        silence.pass(milliseconds(100));
    }
    EXPECT_EQ(silence.lost(), (std::vector{1, 2}));
}

TEST(Silence, does_not_count_while_this_process_is_suspended) {
    Silence silence({1}, seconds(2));
    silence.pass(std::chrono::hours(5));
    EXPECT_TRUE(silence.lost().empty());
}

TEST(Silence, without_a_limit_loses_nobody) {
    Silence silence({1}, milliseconds(0));
    for (int i = 0; i < 1000; ++i) {
        silence.pass(milliseconds(200));
    }
    EXPECT_TRUE(silence.lost().empty());
}

TEST(ProcessMark, tells_a_living_process_from_a_dead_one) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    ASSERT_GT(child, 0);
    const auto mark = mark_of(child);
    ASSERT_TRUE(mark);
    EXPECT_TRUE(still_runs(*mark));
    ::kill(child, SIGSTOP);
    EXPECT_TRUE(still_runs(*mark));
    ::kill(child, SIGKILL);
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    EXPECT_FALSE(still_runs(*mark)) << "dead, but nobody has asked for its status yet";
    ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(still_runs(*mark));
}

TEST(ProcessMark, is_not_taken_in_by_a_later_process_of_the_same_number) {
    auto mark = mark_of(::getpid());
    ASSERT_TRUE(mark);
    EXPECT_TRUE(still_runs(*mark));
    ++mark->started;
    EXPECT_FALSE(still_runs(*mark));
}

TEST(WatchTexts, name_ranks_hosts_and_what_to_do) {
    const std::vector<RankPlace> lost{{2, "n2"}, {3, "n2"}, {6, "n4"}};
    const std::string text = silence_text(lost, milliseconds(2500), "n1");
    EXPECT_NE(text.find("error: ranks 2, 3 (host n2) and rank 6 (host n4) have not been heard of "
                        "for 2.5 s\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("hosts n2, n4, or the network between there and host n1\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("--resume"), std::string::npos);
}

TEST(WatchTexts, do_not_suspect_the_network_within_a_host) {
    const std::vector<RankPlace> lost{{1, "n1"}};
    const std::string text = silence_text(lost, seconds(20), "n1");
    EXPECT_NE(text.find("rank 1 (host n1) has not been heard of for 20 s\n  where:  host n1\n"),
              std::string::npos)
        << text;
}

}  // namespace
}  // namespace alphaprune::parallel
