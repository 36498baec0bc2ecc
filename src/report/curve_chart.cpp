#include "curve_chart.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "page/axes.hpp"

namespace alphaprune::report {
namespace {

// Where the plot lies in its picture, the legend below.
constexpr double kPlotLeft = 70;
constexpr double kPlotTop = 16;
constexpr double kPlotBottom = 330;
constexpr double kLegendTop = 390;
constexpr double kLegendLine = 18;
/// Okabe and Ito's colors, which color-blind readers can tell apart; dashes tell further curves.
constexpr std::array kColors{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                             "#e69f00", "#56b4e9", "#7f7f7f"};
constexpr std::array kDashes{"none", "6 3", "2 3", "8 3 2 3"};

bool can_be_drawn(const std::pair<double, double>& point) {
    return std::isfinite(point.first) && std::isfinite(point.second) && point.second > 0;
}

std::string drawn(const PlotFrame& frame, const Curve& curve, std::size_t number) {
    const char* color = kColors.at(number % kColors.size());
    const char* dashes = kDashes.at(number / kColors.size() % kDashes.size());
    std::string path;
    std::string marks;
    for (const auto& point : curve.points) {
        if (!can_be_drawn(point)) {
            continue;
        }
        const double x = frame.x.at(point.first);
        const double y = frame.y.at(std::log10(point.second));
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
    std::vector<double> places;
    std::vector<double> heights;
    for (const Curve& curve : curves) {
        for (const auto& point : curve.points) {
            if (can_be_drawn(point)) {
                places.push_back(point.first);
                heights.push_back(std::log10(point.second));
            }
        }
    }
    if (places.empty()) {
        return {};
    }
    const bool leveled = std::isfinite(level) && level > 0;
    if (leveled) {
        heights.push_back(std::log10(level));
    }
    const PlotFrame frame{axis_around(places, kPlotLeft, kWideRight),
                          axis_around(heights, kPlotBottom, kPlotTop)};
    std::string marks = left_axis(frame, decade_ticks(frame.y, 8), y_name) +
                        bottom_axis(frame, round_ticks(frame.x, 8), x_name);
    if (leveled) {
        const double y = frame.y.at(std::log10(level));
        marks += fmt::format(
            "<path class=\"axis\" stroke-dasharray=\"4 4\" d=\"M{} {:.1f}H{}\"/><text class=\"e\" "
            "x=\"{}\" y=\"{:.1f}\">{}</text>\n",
            kPlotLeft, y, kWideRight, kWideRight, y - 4, level_name);
    }
    for (std::size_t number = 0; number < curves.size(); ++number) {
        marks += drawn(frame, curves[number], number);
    }
    return svg_picture("curves", kWideWidth,
                       kLegendTop + kLegendLine * static_cast<double>(curves.size()),
                       fmt::format("{} over {}", y_name, x_name), marks) +
           "\n";
}

}  // namespace alphaprune::report
