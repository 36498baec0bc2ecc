#include "page/rank_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "page/axes.hpp"
#include "page/markup.hpp"

namespace alphaprune::report {
namespace {

using parallel::Work;

constexpr std::size_t kMostBars = 48;
constexpr double kRanksLeft = 88;
constexpr double kRanksTop = 6;
constexpr double kRanksPitch = 18;

/// The mean of neighboring ranks.
struct RankGroup {
    std::size_t first = 0;
    std::size_t count = 0;
    parallel::WorkSeconds seconds;
};

std::vector<RankGroup> rank_groups(const TimelineReport& timeline) {
    const std::size_t size = (timeline.ranks() + kMostBars - 1) / kMostBars;
    std::vector<RankGroup> groups;
    for (std::size_t rank = 0; rank < timeline.ranks(); ++rank) {
        if (rank % size == 0) {
            groups.push_back({rank, 0, {}});
        }
        RankGroup& group = groups.back();
        ++group.count;
        const parallel::WorkSeconds of = timeline.rank(rank);
        for (std::size_t work = 0; work < parallel::kWorks; ++work) {
            group.seconds.of[work] += of.of[work];
        }
    }
    for (RankGroup& group : groups) {
        for (double& seconds : group.seconds.of) {
            seconds /= static_cast<double>(group.count);
        }
    }
    return groups;
}

std::string group_name(const RankGroup& group) {
    return group.count == 1
               ? fmt::format("rank {}", group.first)
               : fmt::format("ranks {}–{}", group.first, group.first + group.count - 1);
}

std::string group_bar(const RankGroup& group, const Axis& seconds, double y) {
    std::string text = fmt::format("<text class=\"e\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>",
                                   kRanksLeft - 6, y + 11, group_name(group));
    double begin = 0;
    for (std::size_t work = 0; work < parallel::kWorks; ++work) {
        const double length = group.seconds.of[work];
        const double x = seconds.at(begin);
        begin += length;
        const double width = seconds.at(begin) - x;
        if (width >= 0.2) {
            text += fmt::format(
                "<rect class=\"w{}\" x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"14\">"
                "<title>{}: {} {} s</title></rect>",
                work, x, y, width, group_name(group), name_of(static_cast<Work>(work)),
                number_text(length, 3));
        }
    }
    return text;
}

}  // namespace

std::string work_legend(const TimelineReport& timeline) {
    std::string text = "<ul class=\"legend\">\n";
    for (std::size_t w = 0; w < parallel::kWorks; ++w) {
        const auto work = static_cast<Work>(w);
        if (const double share = timeline.share_of(work); share >= 0.001) {
            text += fmt::format("<li><i class=\"w{}\"></i>{} {:.1f} %</li>\n", w, name_of(work),
                                100 * share);
        }
    }
    return text + "</ul>\n";
}

std::string rank_timeline(const TimelineReport& timeline) {
    const std::vector<RankGroup> groups = rank_groups(timeline);
    double longest = 1e-6;
    for (const RankGroup& group : groups) {
        longest = std::max(longest, group.seconds.total());
    }
    const double bottom = kRanksTop + kRanksPitch * static_cast<double>(groups.size()) + 4;
    const PlotFrame frame{{0, longest, kRanksLeft, kWideRight}, {0, 1, bottom, kRanksTop}};
    std::string marks = bottom_axis(frame, round_ticks(frame.x, 8), "seconds");
    for (std::size_t g = 0; g < groups.size(); ++g) {
        marks += group_bar(groups[g], frame.x, kRanksTop + kRanksPitch * static_cast<double>(g));
    }
    return svg_picture("wide", kWideWidth, bottom + 40, "Seconds of the ranks by kind of work",
                       marks);
}

std::string block_timeline_figure(const TimelineReport& timeline, const std::string& phase) {
    if (timeline.blocks.empty()) {
        return {};
    }
    std::vector<double> seconds{0};
    std::vector<Tick> numbers;
    const std::size_t step = (timeline.blocks.size() + 31) / 32;
    for (std::size_t b = 0; b < timeline.blocks.size(); ++b) {
        seconds.push_back(timeline.blocks[b].seconds);
        if (b % step == 0) {
            numbers.push_back(
                {static_cast<double>(b) + 0.5, std::to_string(timeline.blocks[b].block)});
        }
    }
    const auto count = static_cast<double>(timeline.blocks.size());
    PlotFrame frame{{0, count, 62, kWideRight}, axis_around(seconds, 130, 10)};
    frame.y.low = 0;
    std::string marks = left_axis(frame, round_ticks(frame.y, 4), "seconds");
    const double width = 0.8 * (frame.x.end - frame.x.begin) / count;
    for (std::size_t b = 0; b < timeline.blocks.size(); ++b) {
        const BlockTimeline& block = timeline.blocks[b];
        const double left = frame.x.at(static_cast<double>(b) + 0.5) - width / 2;
        const auto bar = [&](const char* css_class, double height) {
            const double y = frame.y.at(height);
            marks += fmt::format(
                "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
                "<title>block {}: {} s; busy {} to {} s, most rank {}</title></rect>",
                css_class, left, y, width, 130 - y, block.block, number_text(block.seconds, 3),
                number_text(block.least_busy, 3), number_text(block.most_busy, 3),
                block.slowest_rank);
        };
        bar("wait", block.seconds);
        bar("bar", std::min(block.mean_busy, block.seconds));
    }
    marks += bottom_axis(frame, numbers, "block");
    return fmt::format(
        "<figure>{}<figcaption>Time of every block; blue: how long its ranks were busy, on "
        "average.</figcaption></figure>\n",
        scrollable(fmt::format("Blocks in {}", phase),
                   svg_picture("wide", kWideWidth, 172,
                               fmt::format("Seconds of the blocks in {}", phase), marks)));
}

}  // namespace alphaprune::report
