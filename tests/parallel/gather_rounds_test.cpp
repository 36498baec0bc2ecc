#include "gather_rounds.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

namespace alphaprune::parallel {
namespace {

using Lengths = std::vector<std::int64_t>;

TEST(GatherRounds, ShortTextsComeInOne) {
    const Lengths lengths{3, 0, 5};
    const GatherRounds rounds(lengths);
    ASSERT_EQ(rounds.rounds(), 1);
    const auto only = rounds.round(0);
    EXPECT_EQ(only.counts, (std::vector<int>{3, 0, 5}));
    EXPECT_EQ(only.starts, (std::vector<int>{0, 3, 3}));
    EXPECT_EQ(only.total, 8);
    EXPECT_EQ(GatherRounds(Lengths{0, 0}).rounds(), 0);
}

/// Every byte of every rank comes once, in order, and no round is longer than MPI can count.
void expect_whole(const Lengths& lengths, std::int64_t most) {
    const GatherRounds rounds(lengths, most);
    Lengths arrived(lengths.size());
    for (std::int64_t number = 0; number < rounds.rounds(); ++number) {
        const auto round = rounds.round(number);
        EXPECT_LE(std::accumulate(round.counts.begin(), round.counts.end(), std::int64_t{0}), most);
        int start = 0;
        for (std::size_t rank = 0; rank < lengths.size(); ++rank) {
            EXPECT_EQ(round.starts[rank], start);
            start += round.counts[rank];
            if (round.counts[rank] > 0) {
                EXPECT_EQ(rounds.offset(number), arrived[rank]);
            }
            arrived[rank] += round.counts[rank];
        }
        EXPECT_EQ(round.total, start);
    }
    EXPECT_EQ(arrived, lengths);
}

TEST(GatherRounds, TextsLongerThanAnIntCounts) {
    constexpr std::int64_t kGiB = std::int64_t{1} << 30;
    expect_whole({3 * kGiB, 0, 5 * kGiB + 7, 1}, GatherRounds::kMost);
    expect_whole(Lengths(4096, kGiB / 256), GatherRounds::kMost);  // each short, together 16 GiB
    expect_whole({GatherRounds::kMost}, GatherRounds::kMost);
}

TEST(GatherRounds, FewBytesAtATime) {
    for (const std::int64_t most : {3, 4, 7, 100}) {
        expect_whole({10, 1, 23}, most);
    }
}

}  // namespace
}  // namespace alphaprune::parallel
