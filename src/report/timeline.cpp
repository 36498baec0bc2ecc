#include "alphaprune/report/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace alphaprune::report {
namespace {

using parallel::Work;

/// To microseconds: more digits say nothing and make the report long.
double in_microseconds(double seconds) {
    return std::round(seconds * 1e6) / 1e6;
}

BlockTimeline block_timeline(std::span<const parallel::RankTimes> times, std::size_t index) {
    BlockTimeline block{times.front().blocks[index].first};
    double sum = 0;
    for (std::size_t rank = 0; rank < times.size(); ++rank) {
        const parallel::WorkSeconds& seconds = times[rank].blocks[index].second;
        const double busy = seconds.busy();
        sum += busy;
        block.seconds = std::max(block.seconds, in_microseconds(seconds.total()));
        block.least_busy = rank == 0 ? busy : std::min(block.least_busy, busy);
        if (rank == 0 || busy > block.most_busy) {
            block.most_busy = busy;
            block.slowest_rank = static_cast<int>(rank);
        }
    }
    block.least_busy = in_microseconds(block.least_busy);
    block.mean_busy = in_microseconds(sum / static_cast<double>(times.size()));
    block.most_busy = in_microseconds(block.most_busy);
    return block;
}

}  // namespace

parallel::WorkSeconds TimelineReport::rank(std::size_t number) const {
    parallel::WorkSeconds seconds;
    for (std::size_t work = 0; work < parallel::kWorks; ++work) {
        seconds.of[work] = of_ranks[work][number];
    }
    return seconds;
}

double TimelineReport::busy_share(std::size_t number) const {
    const parallel::WorkSeconds seconds = rank(number);
    return seconds.total() > 0 ? seconds.busy() / seconds.total() : 1;
}

std::size_t TimelineReport::least_busy_rank() const {
    std::size_t least = 0;
    for (std::size_t r = 1; r < ranks(); ++r) {
        least = busy_share(r) < busy_share(least) ? r : least;
    }
    return least;
}

double TimelineReport::mean_busy_share() const {
    double sum = 0;
    for (std::size_t r = 0; r < ranks(); ++r) {
        sum += busy_share(r);
    }
    return ranks() > 0 ? sum / static_cast<double>(ranks()) : 1;
}

double TimelineReport::share_of(Work work) const {
    double part = 0;
    double whole = 0;
    for (std::size_t r = 0; r < ranks(); ++r) {
        part += rank(r)[work];
        whole += rank(r).total();
    }
    return whole > 0 ? part / whole : 0;
}

TimelineReport timeline_of(std::span<const parallel::RankTimes> times,
                           std::span<const std::string> hosts) {
    assert(times.size() == hosts.size());
    TimelineReport report;
    for (const parallel::RankTimes& rank : times) {
        report.seconds = std::max(report.seconds, in_microseconds(rank.phase.total()));
        for (std::size_t work = 0; work < parallel::kWorks; ++work) {
            report.of_ranks[work].push_back(in_microseconds(rank.phase.of[work]));
        }
    }
    for (std::size_t b = 0; !times.empty() && b < times.front().blocks.size(); ++b) {
        report.blocks.push_back(block_timeline(times, b));
    }
    std::ranges::sort(report.blocks, {}, &BlockTimeline::block);
    report.least_busy_host = times.empty() ? "" : hosts[report.least_busy_rank()];
    return report;
}

std::string timeline_line(std::string_view phase, const TimelineReport& timeline) {
    const std::size_t least = timeline.least_busy_rank();
    std::string line =
        fmt::format("{}: ranks busy {:.0f} % on average, least {:.0f} % (rank {} on {})", phase,
                    100 * timeline.mean_busy_share(), 100 * timeline.least_busy_share(), least,
                    timeline.least_busy_host);
    const char* separator = "; ";
    for (std::size_t w = 0; w < parallel::kWorks; ++w) {
        const auto work = static_cast<Work>(w);
        if (const double share = timeline.share_of(work); work != Work::wait && share >= 0.01) {
            line += fmt::format("{}{} {:.0f} %", separator, name_of(work), 100 * share);
            separator = ", ";
        }
    }
    return line;
}

}  // namespace alphaprune::report
