#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/markup.hpp"
#include "page/page_parts.hpp"
#include "page/rank_timeline.hpp"

namespace alphaprune::report {
namespace {

/// A line per phase with a bar for its share of the run.
std::string phases_table(const RunReport& report) {
    std::string rows;
    double booked = 0;
    const auto row = [&](const std::string& name, double seconds) {
        const double part = report.seconds > 0 ? std::clamp(seconds / report.seconds, 0.0, 1.0) : 0;
        rows += fmt::format(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"gauge\"><span "
            "style=\"width:{:.1f}%\"></span></td></tr>\n",
            escaped(name), duration_text(seconds), 100 * part);
    };
    for (const auto& [name, seconds] : report.phases) {
        row(name, seconds);
        booked += seconds;
    }
    if (report.seconds - booked > 0.005 * report.seconds) {
        row("other", report.seconds - booked);
    }
    return rows.empty() ? ""
                        : "<table class=\"phases\"><thead><tr><th scope=\"col\">phase</th><th "
                          "scope=\"col\">time</th><th scope=\"col\">share of the "
                          "run</th></tr></thead><tbody>\n" +
                              rows + "</tbody></table>\n";
}

}  // namespace

std::string time_part(const PageContents& contents) {
    const RunReport& report = contents.report;
    std::string text = phases_table(report);
    for (const auto& [name, timeline] : report.timeline) {
        if (timeline.ranks() == 0) {
            continue;
        }
        text += fmt::format(
            "<h3>Ranks in {0}</h3>\n<p>Ranks were busy {1:.0f} % of the phase on average; least "
            "rank {2} on {3}: {4:.0f} %.</p>\n",
            escaped(name), 100 * timeline.mean_busy_share(), timeline.least_busy_rank(),
            escaped(timeline.least_busy_host), 100 * timeline.least_busy_share());
        text += work_legend(timeline);
        text += fmt::format(
            "<figure>{}<figcaption>Seconds of each rank by kind of work (sums, "
            "not the order of events).</figcaption></figure>\n",
            scrollable(fmt::format("Ranks in {}", escaped(name)), rank_timeline(timeline)));
        text += block_timeline_figure(timeline, escaped(name));
    }
    return section("time", "Time of the ranks", text);
}

}  // namespace alphaprune::report
