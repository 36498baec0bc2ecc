#include "curve_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace alphaprune::report {
namespace {

// The plot lies in the box [kPlotLeft, kPlotRight] × [kPlotTop, kPlotBottom] of its view, the
// legend below.
constexpr double kPlotLeft = 60;
constexpr double kPlotRight = 660;
constexpr double kPlotTop = 30;
constexpr double kPlotBottom = 330;
constexpr double kLegendTop = 385;
constexpr double kLegendLine = 18;
/// Okabe and Ito's colors, which color-blind readers can tell apart; dashes tell further curves.
constexpr std::array kColors{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                             "#e69f00", "#56b4e9", "#7f7f7f"};
constexpr std::array kDashes{"none", "6 3", "2 3", "8 3 2 3"};

struct PlotRange {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;

    void take(double value) {
        low = std::min(low, value);
        high = std::max(high, value);
    }
    void add_air(double least) {
        const double air = std::max(0.06 * (high - low), least);
        low -= air;
        high += air;
    }
    /// Where a value stands between two edges.
    double place(double value, double at_low, double at_high) const {
        return at_low + (value - low) / (high - low) * (at_high - at_low);
    }
};

bool can_be_drawn(const std::pair<double, double>& point) {
    return std::isfinite(point.first) && std::isfinite(point.second) && point.second > 0;
}

struct PlotAxes {
    PlotRange x;
    PlotRange y;  ///< of log10

    double across(double value) const { return x.place(value, kPlotLeft, kPlotRight); }
    double height(double value) const { return y.place(std::log10(value), kPlotBottom, kPlotTop); }
};

/// 1, 2 and 5 times powers of ten within the range, or five steps of it where there are too few.
std::vector<double> height_marks(const PlotRange& y) {
    std::vector<double> marks;
    for (int power = static_cast<int>(std::floor(y.low)); power <= y.high; ++power) {
        for (const int step : {1, 2, 5}) {
            const double mark = step * std::pow(10.0, power);
            if (std::log10(mark) >= y.low && std::log10(mark) <= y.high) {
                marks.push_back(mark);
            }
        }
    }
    constexpr std::size_t kFewest = 3;
    if (marks.size() < kFewest) {
        marks.clear();
        for (int step = 0; step <= 4; ++step) {
            marks.push_back(std::pow(10.0, y.low + (y.high - y.low) * step / 4));
        }
    }
    return marks;
}

std::string grid_of(const PlotAxes& axes, const std::vector<Curve>& curves) {
    std::string text;
    for (const double mark : height_marks(axes.y)) {
        text += fmt::format(
            "<path class=\"grid\" d=\"M{} {:.1f}H{}\"/>"
            "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.4g}</text>",
            kPlotLeft, axes.height(mark), kPlotRight, kPlotLeft - 6, axes.height(mark) + 4, mark);
    }
    std::vector<double> places;
    for (const Curve& curve : curves) {
        for (const auto& point : curve.points) {
            places.push_back(point.first);
        }
    }
    std::ranges::sort(places);
    places.erase(std::unique(places.begin(), places.end()), places.end());
    constexpr double kRoom = 34;
    double last = -kRoom;
    for (const double place : places) {
        const double x = axes.across(place);
        if (x - last >= kRoom) {
            text += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.4g}</text>",
                                x, kPlotBottom + 16, place);
            last = x;
        }
    }
    return text;
}

std::string drawn(const PlotAxes& axes, const Curve& curve, std::size_t number) {
    const char* color = kColors.at(number % kColors.size());
    const char* dashes = kDashes.at(number / kColors.size() % kDashes.size());
    std::string path;
    std::string marks;
    for (const auto& point : curve.points) {
        if (!can_be_drawn(point)) {
            continue;
        }
        const double x = axes.across(point.first);
        const double y = axes.height(point.second);
        path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', x, y);
        marks += fmt::format(
            "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>{}: {:.6g} at {:.4g}"
            "</title></circle>",
            x, y, color, curve.label, point.second, point.first);
    }
    const double legend = kLegendTop + kLegendLine * static_cast<double>(number);
    return fmt::format(
        "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" "
        "stroke-dasharray=\"{}\"/>{}<path d=\"M{} {}H{}\" stroke=\"{}\" stroke-width=\"2\" "
        "stroke-dasharray=\"{}\"/><text x=\"{}\" y=\"{}\">{}</text>\n",
        path, color, dashes, marks, kPlotLeft, legend - 4, kPlotLeft + 30, color, dashes,
        kPlotLeft + 38, legend, curve.label);
}

}  // namespace

std::string curve_chart(const std::vector<Curve>& curves, const std::string& x_name,
                        const std::string& y_name, double level, const std::string& level_name) {
    PlotAxes axes;
    for (const Curve& curve : curves) {
        for (const auto& point : curve.points) {
            if (can_be_drawn(point)) {
                axes.x.take(point.first);
                axes.y.take(std::log10(point.second));
            }
        }
    }
    if (!(axes.x.low <= axes.x.high)) {
        return {};
    }
    const bool leveled = std::isfinite(level) && level > 0;
    if (leveled) {
        axes.y.take(std::log10(level));
    }
    axes.x.add_air(0.01);
    axes.y.add_air(0.01);
    std::string text = fmt::format(
        "<svg class=\"curves\" viewBox=\"0 0 680 {}\" role=\"img\" aria-label=\"{} over {}\">\n",
        kLegendTop + kLegendLine * static_cast<double>(curves.size()), y_name, x_name);
    text += grid_of(axes, curves);
    text += fmt::format(
        "<path class=\"axis\" d=\"M{} {}V{}H{}\" fill=\"none\"/><text x=\"{}\" y=\"{}\" "
        "text-anchor=\"middle\">{}</text><text x=\"{}\" y=\"{}\">{}</text>\n",
        kPlotLeft, kPlotTop, kPlotBottom, kPlotRight, (kPlotLeft + kPlotRight) / 2,
        kPlotBottom + 34, x_name, kPlotLeft, kPlotTop - 12, y_name);
    if (leveled) {
        text += fmt::format(
            "<path class=\"axis\" stroke-dasharray=\"4 4\" d=\"M{} {:.1f}H{}\"/><text x=\"{}\" "
            "y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
            kPlotLeft, axes.height(level), kPlotRight, kPlotRight, axes.height(level) - 4,
            level_name);
    }
    for (std::size_t number = 0; number < curves.size(); ++number) {
        text += drawn(axes, curves[number], number);
    }
    return text + "</svg>\n";
}

}  // namespace alphaprune::report
