#include "alphaprune/report/timeline.hpp"

#include <gtest/gtest.h>

#include "alphaprune/support/error.hpp"
#include "report/sample_report.hpp"

namespace alphaprune::report {
namespace {

using parallel::Work;

/// Three ranks on two hosts, blocks 4 and 7; the second rank waits longest.
std::vector<parallel::RankTimes> three_ranks() {
    std::vector<parallel::RankTimes> times(3);
    const std::vector<std::vector<double>> forward{{3, 1}, {1, 1}, {2, 1.5}};  // rank, block
    for (std::size_t rank = 0; rank < times.size(); ++rank) {
        for (std::size_t b = 0; b < 2; ++b) {
            parallel::WorkSeconds block;
            block[Work::forward] = forward[rank][b];
            block[Work::wait] = (b == 0 ? 4 : 2) - forward[rank][b];
            times[rank].blocks.emplace_back(b == 0 ? 4 : 7, block);
            times[rank].phase[Work::forward] += block[Work::forward];
            times[rank].phase[Work::wait] += block[Work::wait];
        }
        times[rank].phase[Work::read] = 2;
    }
    return times;
}

const std::vector<std::string> kHosts{"n1", "n1", "n2"};

TEST(Timeline, TellsWhoHadWorkAndWhoWaited) {
    const TimelineReport timeline = timeline_of(three_ranks(), kHosts);
    EXPECT_EQ(timeline.ranks(), 3U);
    EXPECT_EQ(timeline.seconds, 8);
    EXPECT_EQ(timeline.rank(2)[Work::forward], 3.5);
    EXPECT_EQ(timeline.rank(2)[Work::wait], 2.5);
    EXPECT_EQ(timeline.busy_share(0), 0.75);  // (2 + 4) / 8
    EXPECT_EQ(timeline.busy_share(1), 0.5);
    EXPECT_EQ(timeline.least_busy_rank(), 1U);
    EXPECT_EQ(timeline.least_busy_host, "n1");
    EXPECT_DOUBLE_EQ(timeline.mean_busy_share(), (0.75 + 0.5 + 0.6875) / 3);
    EXPECT_DOUBLE_EQ(timeline.share_of(Work::read), 0.25);

    ASSERT_EQ(timeline.blocks.size(), 2U);
    EXPECT_EQ(timeline.blocks[0].block, 4);
    EXPECT_EQ(timeline.blocks[0].seconds, 4);
    EXPECT_EQ(timeline.blocks[0].least_busy, 1);
    EXPECT_EQ(timeline.blocks[0].mean_busy, 2);
    EXPECT_EQ(timeline.blocks[0].most_busy, 3);
    EXPECT_EQ(timeline.blocks[0].slowest_rank, 0);
    EXPECT_EQ(timeline.blocks[1].block, 7);
    EXPECT_EQ(timeline.blocks[1].slowest_rank, 2);
}

TEST(Timeline, IsOneLineOfTheLog) {
    EXPECT_EQ(timeline_line("prune", timeline_of(three_ranks(), kHosts)),
              "prune: ranks busy 65 % on average, least 50 % (rank 1 on n1); read 25 %, "
              "forward 40 %");
}

TEST(Timeline, BlocksComeInTheirOrderWhoeverBeganThem) {
    std::vector<parallel::RankTimes> times = three_ranks();
    for (parallel::RankTimes& rank : times) {
        std::swap(rank.blocks[0], rank.blocks[1]);
    }
    EXPECT_EQ(timeline_of(times, kHosts).blocks[0].block, 4);
}

TEST(Timeline, IsInReportJsonOfTheWholeRunAndReadBack) {
    RunReport report = test::pruned_report();
    EXPECT_EQ(to_json(report).find("run")->find("timeline"), nullptr);
    report.timeline = {{"prune", timeline_of(three_ranks(), kHosts)}};
    const std::string text = to_json(report).dump(-1);
    EXPECT_NE(text.find(R"("timeline":{"prune":{"seconds":8.0,"busy":0.6458,)"
                        R"("least_busy":{"rank":1,"host":"n1","busy":0.5},)"
                        R"("ranks":{"read":[2.0,2.0,2.0],"forward":[4.0,2.0,3.5],)"
                        R"("statistics":[0.0,0.0,0.0],"prune":[0.0,0.0,0.0],)"
                        R"("exchange":[0.0,0.0,0.0],"write":[0.0,0.0,0.0],"wait":[2.0,4.0,2.5],)"
                        R"("other":[0.0,0.0,0.0]},)"
                        R"("blocks":[{"block":4,"seconds":4.0,"least_busy":1.0,"mean_busy":2.0,)"
                        R"("most_busy":3.0,"slowest_rank":0},)"),
              std::string::npos)
        << text;
    const RunReport again = run_report_from_json(formats::Json::parse(text, "r"), "r");
    EXPECT_EQ(to_json(again).dump(), to_json(report).dump());
}

TEST(Timeline, EachKindOfWorkHasOneNumberForEachRank) {
    RunReport report = test::pruned_report();
    report.timeline = {{"prune", timeline_of(three_ranks(), kHosts)}};
    std::string text = to_json(report).dump(-1);
    const std::string waits = R"("wait":[2.0,4.0,2.5])";
    ASSERT_NE(text.find(waits), std::string::npos) << text;
    text.replace(text.find(waits), waits.size(), R"("wait":[2.0,4.0])");
    try {
        run_report_from_json(formats::Json::parse(text, "r.json"), "r.json");
        FAIL();
    } catch (const support::Error& error) {
        EXPECT_NE(std::string(error.what()).find("run.timeline.prune.ranks.wait"),
                  std::string::npos)
            << error.what();
    }
}

}  // namespace
}  // namespace alphaprune::report
