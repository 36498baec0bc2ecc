#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/axes.hpp"
#include "page/markup.hpp"
#include "page/page_parts.hpp"

namespace alphaprune::report {
namespace {

constexpr double kSearchLeft = 70;
constexpr double kSearchTop = 12;
constexpr double kSearchBottom = 220;

bool has_perplexity(const SearchStepReport& step) {
    return step.perplexity && std::isfinite(*step.perplexity);
}

double candidate_x(const PlotFrame& frame, std::size_t candidate) {
    return frame.x.at(static_cast<double>(candidate) + 1);
}

/// From each candidate that was better than all before to the next.
std::string best_so_far(const std::vector<SearchStepReport>& steps, const PlotFrame& frame) {
    std::string path;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].better && has_perplexity(steps[i])) {
            path += fmt::format("{}{:.1f}{}{:.1f}", path.empty() ? 'M' : 'H', candidate_x(frame, i),
                                path.empty() ? ' ' : 'V', frame.y.at(*steps[i].perplexity));
        }
    }
    return path.empty() ? ""
                        : fmt::format("<path class=\"line\" d=\"{}H{:.0f}\"/>", path, kWideRight);
}

/// One without a perplexity stands at the upper edge: worse than all.
std::string candidate_marks(const std::vector<SearchStepReport>& steps, const PlotFrame& frame) {
    std::string text;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const bool known = has_perplexity(steps[i]);
        text += fmt::format(
            "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"><title>candidate {}, {}: "
            "{}</title></circle>",
            steps[i].better && known ? "dot" : "bar", candidate_x(frame, i),
            known ? frame.y.at(*steps[i].perplexity) : kSearchTop, i + 1, escaped(steps[i].change),
            known ? fmt::format("perplexity {:.5g}{}", *steps[i].perplexity,
                                steps[i].better ? ", the best so far" : "")
                  : "no finite perplexity");
    }
    return text;
}

std::string candidates_table(const std::vector<SearchStepReport>& steps) {
    std::string table =
        "<table class=\"numbers\"><thead><tr><th scope=\"col\">candidate</th><th "
        "scope=\"col\">perplexity</th><th scope=\"col\">better</th><th scope=\"col\" "
        "class=\"words\">change of the best before</th></tr></thead><tbody>\n";
    for (std::size_t i = 0; i < steps.size(); ++i) {
        table += fmt::format(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td class=\"words\">{}</td></tr>\n",
            i + 1, number_text(steps[i].perplexity.value_or(NAN), 5), steps[i].better ? "yes" : "",
            escaped(steps[i].change));
    }
    return folded("All candidates", scrollable("All candidates", table + "</tbody></table>\n"));
}

std::string search_figure(const std::vector<SearchStepReport>& steps) {
    std::vector<double> perplexities;
    for (const SearchStepReport& step : steps) {
        perplexities.push_back(step.perplexity.value_or(NAN));
    }
    if (std::ranges::none_of(perplexities, [](double value) { return std::isfinite(value); })) {
        return {};
    }
    const PlotFrame frame{{0, static_cast<double>(steps.size()) + 1, kSearchLeft, kWideRight},
                          axis_around(perplexities, kSearchBottom, kSearchTop)};
    std::vector<Tick> numbers = round_ticks(frame.x, 12);
    std::erase_if(numbers, [&](const Tick& tick) {
        return tick.value < 1 || tick.value > static_cast<double>(steps.size()) ||
               tick.value != std::floor(tick.value);
    });
    const std::string chart =
        svg_picture("wide", kWideWidth, 262, "Perplexity of the candidates of the search",
                    left_axis(frame, round_ticks(frame.y, 5), "perplexity, held out") +
                        bottom_axis(frame, numbers, "candidate") + best_so_far(steps, frame) +
                        candidate_marks(steps, frame));
    return fmt::format(
        "<p>Candidates for the ratios, each scored by the perplexity on calibration sequences that "
        "were held out.</p>\n<figure>{}<figcaption>A dot per candidate, the best so far in the "
        "color of the line.</figcaption></figure>\n{}",
        scrollable("Perplexity of the candidates", chart), candidates_table(steps));
}

std::string settings_table(const TargetsReport& targets) {
    std::string table =
        "<h3>Settings that were tried</h3>\n<p>On held-out calibration sequences, with the first "
        "blocks pruned.</p>\n<table class=\"numbers\"><thead><tr><th scope=\"col\">dense "
        "target</th><th scope=\"col\">residual target</th><th scope=\"col\">damping</th><th "
        "scope=\"col\">perplexity</th><th scope=\"col\">chosen</th></tr></thead><tbody>\n";
    for (const SettingsTrialReport& trial : targets.tried) {
        const bool chosen = trial.dense_target == targets.dense_target &&
                            trial.residual_target == targets.residual_target &&
                            trial.damping == targets.damping;
        table +=
            fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        number_text(trial.dense_target), number_text(trial.residual_target),
                        number_text(trial.damping), number_text(trial.perplexity.value_or(NAN), 5),
                        chosen ? "chosen" : "");
    }
    return table + "</tbody></table>\n";
}

}  // namespace

std::string search_part(const PageContents& contents) {
    const RunReport& report = contents.report;
    const std::string settings =
        report.targets && !report.targets->tried.empty() ? settings_table(*report.targets) : "";
    return section("search", report.search.empty() ? "Search for settings" : "Search for ratios",
                   search_figure(report.search) + settings);
}

}  // namespace alphaprune::report
