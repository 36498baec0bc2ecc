#include "page/block_profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/axes.hpp"
#include "page/markup.hpp"

namespace alphaprune::report {
namespace {

constexpr double kProfileLeft = 62;
constexpr double kPlotHeight = 130;
constexpr double kPlotGap = 34;

/// Blocks side by side; `top` is where the plot begins.
PlotFrame profile_frame(double top, std::size_t blocks, Axis y) {
    y.begin = top + kPlotHeight;
    y.end = top;
    return {{0, static_cast<double>(blocks), kProfileLeft, kWideRight}, y};
}

double block_center(const PlotFrame& frame, std::size_t index) {
    return frame.x.at(static_cast<double>(index) + 0.5);
}

std::string ratio_plot(const std::vector<BlockSummary>& blocks, const PlotFrame& frame,
                       std::optional<double> uniform) {
    std::string text = left_axis(frame, round_ticks(frame.y, 4), "sparsity ratio");
    const double width = 0.8 * (kWideRight - kProfileLeft) / static_cast<double>(blocks.size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (const auto ratio = blocks[i].sparsity_ratio) {
            const double y = frame.y.at(*ratio);
            text += fmt::format(
                "<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
                "<title>block {}: ratio {}</title></rect>",
                block_center(frame, i) - width / 2, y, width, frame.y.begin - y, blocks[i].block,
                number_text(*ratio));
        }
    }
    if (uniform) {
        text += fmt::format("<path class=\"start\" d=\"M{:.0f} {:.1f}H{:.0f}\"/>", kProfileLeft,
                            frame.y.at(*uniform), kWideRight);
    }
    return text;
}

std::string metric_plot(const std::vector<BlockSummary>& blocks, const PlotFrame& frame,
                        std::string_view metric) {
    std::string path;
    std::string dots;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const double value = blocks[i].mean_metric;
        if (!std::isfinite(value)) {
            continue;
        }
        const bool joined = i > 0 && std::isfinite(blocks[i - 1].mean_metric);
        path += fmt::format("{}{:.1f} {:.1f}", joined ? 'L' : 'M', block_center(frame, i),
                            frame.y.at(value));
        dots += fmt::format(
            "<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"><title>block {}: mean {} "
            "{}</title></circle>",
            block_center(frame, i), frame.y.at(value), blocks[i].block, metric, number_text(value));
    }
    return left_axis(frame, round_ticks(frame.y, 4), fmt::format("mean {}", metric)) +
           fmt::format("<path class=\"line\" d=\"{}\"/>", path) + dots;
}

std::vector<Tick> block_ticks(const std::vector<BlockSummary>& blocks) {
    std::vector<Tick> ticks;
    for (std::size_t i = 0; i < blocks.size(); i += (blocks.size() + 31) / 32) {
        ticks.push_back({static_cast<double>(i) + 0.5, std::to_string(blocks[i].block)});
    }
    return ticks;
}

}  // namespace

std::string block_profile(const std::vector<BlockSummary>& blocks, std::string_view metric,
                          std::optional<double> uniform) {
    std::vector<double> metrics;
    bool has_ratios = false;
    for (const BlockSummary& block : blocks) {
        metrics.push_back(block.mean_metric);
        has_ratios = has_ratios || block.sparsity_ratio;
    }
    const bool has_metrics =
        std::ranges::any_of(metrics, [](double value) { return std::isfinite(value); });
    if (!has_ratios && !has_metrics) {
        return {};
    }
    std::string marks;
    double top = 10;
    PlotFrame frame;
    if (has_ratios) {
        frame = profile_frame(top, blocks.size(), {0, 1, 0, 0});
        marks += ratio_plot(blocks, frame, uniform);
        top += kPlotHeight + kPlotGap;
    }
    if (has_metrics) {
        frame = profile_frame(top, blocks.size(), axis_around(metrics, 0, 0));
        marks += metric_plot(blocks, frame, metric);
        top += kPlotHeight + kPlotGap;
    }
    marks += bottom_axis(frame, block_ticks(blocks), "block");
    return svg_picture("wide", kWideWidth, top + 8,
                       !has_metrics  ? "Sparsity ratio by block"
                       : !has_ratios ? "Mean metric by block"
                                     : "Sparsity ratio and mean metric by block",
                       marks);
}

}  // namespace alphaprune::report
