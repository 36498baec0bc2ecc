#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/axes.hpp"
#include "page/markup.hpp"
#include "page/page_parts.hpp"

namespace alphaprune::report {
namespace {

constexpr double kSpreadLeft = 178;
constexpr double kSpreadTop = 10;
constexpr double kSpreadBottom = 150;
constexpr std::size_t kMostSpreads = 32;
constexpr double kSpreadPitch = 20;

std::string spread_bars(const std::vector<double>& ascending, PlotFrame& frame) {
    const auto bins = static_cast<std::size_t>(
        std::clamp(2 * std::sqrt(static_cast<double>(ascending.size())), 8.0, 48.0));
    std::vector<int> counts(bins);
    for (const double value : ascending) {
        const double share = (value - frame.x.low) / (frame.x.high - frame.x.low);
        const double bin =
            std::clamp(share * static_cast<double>(bins), 0.0, static_cast<double>(bins) - 1);
        ++counts[static_cast<std::size_t>(std::isfinite(bin) ? bin : 0)];
    }
    frame.y = {0, 1.05 * std::ranges::max(counts), kSpreadBottom, kSpreadTop};
    const double width = (kWideRight - kSpreadLeft) / static_cast<double>(bins);
    const double in_bin = (frame.x.high - frame.x.low) / static_cast<double>(bins);
    std::string text = left_axis(frame, round_ticks(frame.y, 4), "matrices");
    for (std::size_t bin = 0; bin < bins; ++bin) {
        if (counts[bin] > 0) {
            const double y = frame.y.at(counts[bin]);
            const double low = frame.x.low + in_bin * static_cast<double>(bin);
            text += fmt::format(
                "<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
                "<title>{} from {} to {}</title></rect>",
                kSpreadLeft + width * static_cast<double>(bin), y, width - 1, kSpreadBottom - y,
                counts[bin] == 1 ? "1 matrix" : fmt::format("{} matrices", counts[bin]),
                number_text(low), number_text(low + in_bin));
        }
    }
    return text;
}

double quantile(const std::vector<double>& ascending, double share) {
    const double place = share * static_cast<double>(ascending.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, ascending.size() - 1);
    return ascending[below] +
           (place - static_cast<double>(below)) * (ascending[above] - ascending[below]);
}

/// From least to greatest, the middle half thick, the median a dot.
std::string kind_row(const std::string& kind, const std::vector<double>& ascending,
                     const PlotFrame& frame, double y) {
    const auto x = [&](double share) { return frame.x.at(quantile(ascending, share)); };
    return fmt::format(
        "<g><title>{0}: {1} to {2}, median {3}</title><text class=\"e\" x=\"{4:.0f}\" "
        "y=\"{5:.0f}\">{6}</text><path class=\"thin\" d=\"M{7:.1f} {8:.0f}H{9:.1f}\"/><path "
        "class=\"thick\" d=\"M{10:.1f} {8:.0f}H{11:.1f}\"/><circle class=\"dot\" cx=\"{12:.1f}\" "
        "cy=\"{8:.0f}\" r=\"4\"/></g>",
        escaped(kind), number_text(ascending.front()), number_text(ascending.back()),
        number_text(quantile(ascending, 0.5)), kSpreadLeft - 8, y + 4,
        escaped(kind.size() <= 26 ? kind : "…" + kind.substr(kind.size() - 25)), x(0), y, x(1),
        x(0.25), x(0.75), x(0.5));
}

/// Ascending values of the metric of every kind that has some.
std::vector<std::pair<std::string, std::vector<double>>> values_by_kind(
    const PageContents& contents) {
    std::vector<std::pair<std::string, std::vector<double>>> kinds;
    for (const std::string& kind : contents.grid.kinds) {
        kinds.emplace_back(kind, std::vector<double>{});
    }
    for (const auto& [place, matrices] : contents.grid.cells) {
        for (const std::size_t m : matrices) {
            const double value = contents.metric_of(contents.report.matrices[m]);
            if (std::isfinite(value)) {
                kinds[place.first].second.push_back(value);
            }
        }
    }
    std::erase_if(kinds, [](const auto& kind) { return kind.second.empty(); });
    for (auto& [kind, values] : kinds) {
        std::ranges::sort(values);
    }
    return kinds;
}

}  // namespace

std::string distribution_part(const PageContents& contents) {
    const auto kinds = values_by_kind(contents);
    std::vector<double> all;
    for (const auto& [kind, values] : kinds) {
        all.insert(all.end(), values.begin(), values.end());
    }
    std::ranges::sort(all);
    if (all.size() < 2 || !std::isfinite(all.back() - all.front())) {
        return {};
    }
    PlotFrame frame{axis_around(all, kSpreadLeft, kWideRight), {}};
    std::string marks = spread_bars(all, frame);
    double y = kSpreadBottom + 22;
    for (std::size_t k = 0; k < std::min(kinds.size(), kMostSpreads); ++k) {
        marks += kind_row(kinds[k].first, kinds[k].second, frame, y);
        y += kSpreadPitch;
    }
    const std::string metric = escaped(contents.report.shown_metric);
    PlotFrame below = frame;
    below.y.begin = y;
    marks += bottom_axis(below, round_ticks(frame.x, 8), metric);
    const std::string chart =
        svg_picture("wide", kWideWidth, y + 42, fmt::format("Distribution of {}", metric), marks);
    return section(
        "distribution", fmt::format("Distribution of {}", metric),
        fmt::format("<p>{} has a median of {}; half of the {} matrices lie between {} and {}."
                    "</p>\n<figure>{}<figcaption>Above: how many matrices. Below, by kind of "
                    "matrix: from least to greatest, the middle half thick, the median a dot."
                    "</figcaption></figure>\n",
                    metric, number_text(quantile(all, 0.5)),
                    with_separators(static_cast<std::int64_t>(all.size())),
                    number_text(quantile(all, 0.25)), number_text(quantile(all, 0.75)),
                    scrollable(fmt::format("Distribution of {}", metric), chart)));
}

}  // namespace alphaprune::report
