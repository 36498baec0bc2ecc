#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "report_parts.hpp"

namespace alphaprune::report {
namespace {

// The plot of a wide chart lies in the box [kLeft, kRight] × [kTop, kBottom] of its view.
constexpr double kLeft = 48;
constexpr double kRight = 672;
constexpr double kTop = 16;
constexpr double kBottom = 220;

struct Scale {
    double low = 0;
    double high = 1;

    double y(double value) const {
        return kBottom - (value - low) / (high - low) * (kBottom - kTop);
    }
};

/// A range with some air around the values that are finite.
Scale scale_around(const std::vector<double>& values) {
    double low = INFINITY;
    double high = -INFINITY;
    for (const double value : values) {
        if (std::isfinite(value)) {
            low = std::min(low, value);
            high = std::max(high, value);
        }
    }
    const double air = high > low ? 0.1 * (high - low) : std::max(0.1 * std::fabs(high), 1e-6);
    return {low - air, high + air};
}

std::string axis(const Scale& scale, double x, const char* anchor, const char* style) {
    std::string text;
    for (int step = 0; step <= 4; ++step) {
        const double value = scale.low + (scale.high - scale.low) * step / 4;
        const double y = scale.y(value);
        if (*style == 'l') {
            text += fmt::format("<path class=\"grid\" d=\"M{} {:.1f}H{}\"/>", kLeft, y, kRight);
        }
        text +=
            fmt::format("<text class=\"{}\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"{}\">{:.3g}</text>",
                        style, x, y + 4, anchor, value);
    }
    return text;
}

double center_of(std::size_t index, std::size_t count) {
    return kLeft +
           (static_cast<double>(index) + 0.5) * (kRight - kLeft) / static_cast<double>(count);
}

std::string ratio_bars(const std::vector<BlockSummary>& blocks) {
    const Scale scale;
    std::string text = axis(scale, kLeft - 6, "end", "left");
    const double width = 0.8 * (kRight - kLeft) / static_cast<double>(blocks.size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const double y = scale.y(std::clamp(blocks[i].sparsity_ratio.value_or(0), 0.0, 1.0));
        text += fmt::format(
            "<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.1f}\">"
            "<title>block {}: ratio {:.4f}</title></rect>",
            center_of(i, blocks.size()) - width / 2, y, width, kBottom - y, blocks[i].block,
            blocks[i].sparsity_ratio.value_or(0));
    }
    return text;
}

std::string metric_line(const std::vector<BlockSummary>& blocks, const std::string& metric) {
    std::vector<double> metrics;
    for (const BlockSummary& block : blocks) {
        metrics.push_back(block.mean_metric);
    }
    const Scale scale = scale_around(metrics);
    std::string text = axis(scale, kRight + 6, "start", "right");
    std::string path;
    std::string dots;
    bool broken = true;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (!std::isfinite(blocks[i].mean_metric)) {
            broken = true;
            continue;
        }
        const double x = center_of(i, blocks.size());
        const double y = scale.y(blocks[i].mean_metric);
        path += fmt::format("{}{:.1f} {:.1f}", broken ? 'M' : 'L', x, y);
        dots += fmt::format(
            "<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\">"
            "<title>block {}: mean {} {:.4g}</title></circle>",
            x, y, blocks[i].block, metric, blocks[i].mean_metric);
        broken = false;
    }
    return text + fmt::format("<path class=\"line\" d=\"{}\"/>", path) + dots;
}

/// Under the axis, 32 of them at most, and what they number.
std::string numbers_below(const std::vector<int>& numbers, const char* word) {
    std::string text;
    const std::size_t step = (numbers.size() + 31) / 32;
    for (std::size_t i = 0; i < numbers.size(); i += step) {
        text += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                            center_of(i, numbers.size()), kBottom + 16, numbers[i]);
    }
    return text + fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                              (kLeft + kRight) / 2, kBottom + 34, word);
}

/// A wide chart: its scales and marks, the axis, and the numbers of what stands along it.
std::string wide_chart(const char* label, const std::string& marks, const std::vector<int>& numbers,
                       const char* word) {
    return fmt::format(
        "<svg class=\"wide\" viewBox=\"0 0 720 260\" role=\"img\" aria-label=\"{}\">{}"
        "<path class=\"axis\" d=\"M{} {}H{}\"/>{}</svg>\n",
        label, marks, kLeft, kBottom, kRight, numbers_below(numbers, word));
}

bool has_perplexity(const SearchStepReport& step) {
    return step.perplexity && std::isfinite(*step.perplexity);
}

/// From each candidate that was better than all before to the next.
std::string best_so_far(const std::vector<SearchStepReport>& steps, const Scale& scale) {
    std::string path;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].better && has_perplexity(steps[i])) {
            path += fmt::format("{}{:.1f}{}{:.1f}", path.empty() ? 'M' : 'H',
                                center_of(i, steps.size()), path.empty() ? ' ' : 'V',
                                scale.y(*steps[i].perplexity));
        }
    }
    return path.empty() ? "" : fmt::format("<path class=\"line\" d=\"{}H{}\"/>", path, kRight);
}

/// One without a perplexity stands at the upper edge: worse than all.
std::string candidate_marks(const std::vector<SearchStepReport>& steps, const Scale& scale) {
    std::string text;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const bool known = has_perplexity(steps[i]);
        text += fmt::format(
            "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\">"
            "<title>candidate {}, {}: {}</title></circle>",
            steps[i].better && known ? "dot" : "bar", center_of(i, steps.size()),
            known ? scale.y(*steps[i].perplexity) : kTop, i + 1, steps[i].change,
            known ? fmt::format("perplexity {:.5g}{}", *steps[i].perplexity,
                                steps[i].better ? ", the best so far" : "")
                  : "no finite perplexity");
    }
    return text;
}

}  // namespace

std::string block_chart(const std::vector<BlockSummary>& blocks, const std::string& metric) {
    const bool has_ratios = std::ranges::any_of(
        blocks, [](const BlockSummary& block) { return block.sparsity_ratio.has_value(); });
    const bool has_metrics = std::ranges::any_of(
        blocks, [](const BlockSummary& block) { return std::isfinite(block.mean_metric); });
    if (!has_ratios && !has_metrics) {
        return {};
    }
    std::vector<int> numbers;
    for (const BlockSummary& block : blocks) {
        numbers.push_back(block.block);
    }
    return wide_chart(
        !has_metrics  ? "Sparsity ratio by block"
        : !has_ratios ? "Mean metric by block"
                      : "Sparsity ratio and mean metric by block",
        (has_ratios ? ratio_bars(blocks) : "") + (has_metrics ? metric_line(blocks, metric) : ""),
        numbers, "block");
}

std::string search_chart(const std::vector<SearchStepReport>& steps) {
    std::vector<double> perplexities;
    for (const SearchStepReport& step : steps) {
        perplexities.push_back(step.perplexity.value_or(std::nan("")));
    }
    if (std::ranges::none_of(perplexities, [](double value) { return std::isfinite(value); })) {
        return {};
    }
    std::vector<int> numbers(steps.size());
    std::iota(numbers.begin(), numbers.end(), 1);
    const Scale scale = scale_around(perplexities);
    return wide_chart("Perplexity of the candidates of the search",
                      axis(scale, kLeft - 6, "end", "left") + best_so_far(steps, scale) +
                          candidate_marks(steps, scale),
                      numbers, "candidate");
}

}  // namespace alphaprune::report
