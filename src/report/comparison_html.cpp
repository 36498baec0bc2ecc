#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <map>
#include <tuple>

#include "alphaprune/report/comparison.hpp"
#include "curve_chart.hpp"
#include "page/markup.hpp"

namespace alphaprune::report {
namespace {

/// Colors follow the reader's light or dark setting.
constexpr std::string_view kComparisonStyle = R"(
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #5b6570; --rule: #d8dde3; }
@media (prefers-color-scheme: dark) {
  :root { --back: #15181c; --text: #e4e8ec; --soft: #98a2ad; --rule: #353c44; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif;
       max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
th, td { padding: .15rem .9rem .15rem 0; border-bottom: 1px solid var(--rule); text-align: left; }
td.number, th.number { text-align: right; } .least { font-weight: 700; }
p { color: var(--soft); } svg { display: block; width: 100%; height: auto; max-width: 54rem; }
svg text { fill: var(--text); font-size: 12px; } svg text.t { fill: var(--soft); }
.m { text-anchor: middle; } .e { text-anchor: end; }
.grid { stroke: var(--rule); } .axis { fill: none; stroke: var(--soft); }
)";

std::string facts_of(const ComparisonHead& head) {
    std::string text = "<table>\n";
    for (const auto& [name, value] : head.facts) {
        text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escaped(name),
                            escaped(value));
    }
    return text + "</table>\n";
}

std::string curves_of(const Comparison& comparison, std::size_t model, std::size_t text) {
    std::vector<Curve> curves;
    double dense = 0;
    for (const ComparedSeries& series : series_of(comparison)) {
        Curve curve{escaped(series.label()), {}};
        for (const std::size_t r : series.runs) {
            const ComparedRun& run = comparison.runs[r];
            const ComparedPerplexity* found = perplexity_on(run, text);
            if (series.model == model && found != nullptr) {
                curve.points.emplace_back(run.sparsity_ratio, found->pruned.value_or(NAN));
                dense = found->dense.value_or(0);
            }
        }
        if (!curve.points.empty()) {
            curves.push_back(std::move(curve));
        }
    }
    const ComparedText& on = comparison.texts[text];
    const std::string chart = curve_chart(curves, "sparsity ratio", "perplexity", dense,
                                          fmt::format("dense: {:.4g}", dense));
    return chart.empty() ? chart
                         : fmt::format("<h2>{} on {} (seqlen {}, {} windows)</h2>\n{}",
                                       escaped(comparison.models[model].label), escaped(on.label),
                                       on.seqlen, on.windows, chart);
}

std::string numeric_cell(const std::optional<double>& value, int digits, bool is_least = false) {
    return fmt::format(
        "<td class=\"number{}\">{}</td>", is_least ? " least" : "",
        value && std::isfinite(*value) ? fmt::format("{:.{}g}", *value, digits) : "–");
}

/// The least perplexity of runs of one model with one ratio, by model, text and ratio.
using Least = std::map<std::tuple<std::size_t, std::size_t, double>, double>;

Least least_of(const Comparison& comparison) {
    Least least;
    for (const ComparedRun& run : comparison.runs) {
        for (const ComparedPerplexity& found : run.perplexities) {
            const double value = found.pruned.value_or(NAN);
            if (std::isfinite(value)) {
                const auto [entry, is_new] =
                    least.try_emplace({run.model, found.text, run.sparsity_ratio}, value);
                entry->second = std::min(entry->second, value);
            }
        }
    }
    return least;
}

std::string epsilon_cell(const ComparedRun& run) {
    if (!run.epsilon) {
        return "<td class=\"number\">–</td>";
    }
    std::string tried;
    if (run.epsilon_choice) {
        std::vector<std::string> trials;
        for (const EpsilonTrialReport& trial : run.epsilon_choice->tried) {
            trials.push_back(
                fmt::format("{}: {:.4g}", trial.epsilon, trial.perplexity.value_or(NAN)));
        }
        tried = fmt::format(" title=\"chosen on {}; {}\"", escaped(run.epsilon_choice->held_out),
                            fmt::join(trials, ", "));
    }
    return fmt::format("<td class=\"number\"{}>{}{}</td>", tried, *run.epsilon,
                       tried.empty() ? "" : "*");
}

std::string row_of(const Comparison& comparison, const ComparedRun& run, const Least& least) {
    std::string type = run.sparsity_type == "unstructured" ? "" : ", " + run.sparsity_type;
    type += run.setting.empty() ? "" : ", " + run.setting;
    std::string row = fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td>",
                                  escaped(comparison.models[run.model].label),
                                  escaped(run.prune_method), escaped(run.allocation + type));
    row += epsilon_cell(run);
    row += numeric_cell(run.sparsity_ratio, 6) + numeric_cell(run.sparsity, 6);
    for (std::size_t t = 0; t < comparison.texts.size(); ++t) {
        const ComparedPerplexity* found = perplexity_on(run, t);
        const auto value = found != nullptr ? found->pruned : std::nullopt;
        const auto best = least.find({run.model, t, run.sparsity_ratio});
        row += numeric_cell(value, 6, value && best != least.end() && best->second == *value);
    }
    return row + numeric_cell(run.seconds, 4) + numeric_cell(run.prune_seconds, 4) +
           fmt::format("<td>{}{}</td></tr>\n", escaped(run.folder),
                       run.kept_checkpoint ? "" : " (without checkpoint)");
}

std::string runs_table(const Comparison& comparison) {
    std::string text =
        "<h2>Runs</h2>\n<div class=\"scroll\"><table>\n<tr><th>model</th><th>method</th>"
        "<th>allocation</th><th class=\"number\">ε</th><th class=\"number\">ratio</th>"
        "<th class=\"number\">sparsity</th>";
    for (const ComparedText& on : comparison.texts) {
        text += fmt::format("<th class=\"number\">perplexity on {}</th>", escaped(on.label));
    }
    text +=
        "<th class=\"number\">seconds</th><th class=\"number\">of pruning</th><th>run</th></tr>\n";
    const Least least = least_of(comparison);
    bool chosen = false;
    for (const ComparedRun& run : comparison.runs) {
        text += row_of(comparison, run, least);
        chosen = chosen || run.epsilon_choice;
    }
    text += "</table></div>\n<p>Bold: the least perplexity of a model at that ratio.";
    text += chosen ? " *: ε was chosen on calibration sequences held out from the statistics.</p>\n"
                   : "</p>\n";
    return text;
}

}  // namespace

std::string comparison_html(const Comparison& comparison, const ComparisonHead& head) {
    std::string text = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>{0}</title>\n"
        "<style>{1}</style></head>\n<body>\n<h1>{0}</h1>\n",
        escaped(head.title), kComparisonStyle);
    text += facts_of(head);
    for (std::size_t model = 0; model < comparison.models.size(); ++model) {
        for (std::size_t t = 0; t < comparison.texts.size(); ++t) {
            text += curves_of(comparison, model, t);
        }
    }
    return text + runs_table(comparison) + "</body>\n</html>\n";
}

}  // namespace alphaprune::report
