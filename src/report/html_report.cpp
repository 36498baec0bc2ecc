#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/file.hpp"
#include "report_parts.hpp"

namespace alphaprune::report {
namespace {

/// The style sheet; colors follow the reader's light or dark setting.
std::string_view page_style() {
    return R"(
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #5b6570; --rule: #d8dde3;
        --bar: #4878b0; --line: #d1612b; }
@media (prefers-color-scheme: dark) {
  :root { --back: #15181c; --text: #e4e8ec; --soft: #98a2ad; --rule: #353c44;
          --bar: #5f93cf; --line: #f0955f; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif;
       max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
th, td { padding: .15rem .7rem .15rem 0; border-bottom: 1px solid var(--rule); text-align: left;
         vertical-align: top; }
.numbers td:nth-child(n+2), .numbers th:nth-child(n+2) { text-align: right; }
p, figcaption, svg text { color: var(--soft); }
svg { display: block; width: 100%; } svg text { fill: var(--soft); font-size: 11px; }
.wide { max-width: 60rem; } .bar { fill: var(--bar); } .dot { fill: var(--line); }
.line { fill: none; stroke: var(--line); stroke-width: 2; } .right { fill: var(--line) !important; }
.grid { stroke: var(--rule); } .axis { stroke: var(--soft); }
.spectra { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 1rem; }
figure { margin: 0; content-visibility: auto; contain-intrinsic-size: auto 14rem 9rem; }
figure svg { border-bottom: 1px solid var(--soft); }
figcaption { font-size: 12px; overflow-wrap: anywhere; }
)";
}

/// Text made safe for HTML, between tags and inside quoted attributes.
std::string escaped(std::string_view text) {
    static const std::map<char, std::string_view> kEntities{
        {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    std::string safe;
    for (const char c : text) {
        const auto entity = kEntities.find(c);
        safe += entity != kEntities.end() ? entity->second : std::string_view(&c, 1);
    }
    return safe;
}

std::string fact(std::string_view name, std::string_view value) {
    return fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", name, escaped(value));
}

std::string allocation_text(const RunReport& report) {
    const AllocationReport& allocation = *report.allocation;
    std::string text = fmt::format("{}, ratio {}", allocation.name, allocation.sparsity_ratio);
    if (!allocation.metric.empty()) {
        text += fmt::format(", {}, {}, ε {}", allocation.metric, allocation.mapping_type,
                            allocation.epsilon);
    }
    for (const OwnOption& option : allocation.own_options) {
        text += fmt::format(", {} {}", option.symbol, option.value);
    }
    if (!allocation.bounded_blocks.empty()) {
        text += fmt::format("; held at {} in block {}", allocation.max_sparsity,
                            fmt::join(allocation.bounded_blocks, ", "));
    }
    return text;
}

std::string phases_text(const RunReport& report) {
    std::string text = support::human_duration(report.seconds);
    for (const auto& [name, seconds] : report.phases) {
        text += fmt::format(" · {} {}", name, support::human_duration(seconds));
    }
    return text;
}

std::string number_cell(double value, int digits) {
    return std::isfinite(value) ? fmt::format("<td>{:.{}g}</td>", value, digits) : "<td>–</td>";
}

std::string matrix_row(const MatrixReport& matrix, spectrum::Metric metric) {
    std::string row = fmt::format("<tr><td>{}</td><td>{}</td><td>{} × {}</td>",
                                  escaped(matrix.name), matrix.block, matrix.rows, matrix.cols);
    row += number_cell(matrix.has_metrics ? matrix.metrics[metric] : std::nan(""), 5);
    row += number_cell(matrix.sparsity_ratio.value_or(std::nan("")), 6);
    row += number_cell(matrix.sparsity().value_or(std::nan("")), 6);
    row += matrix.sparsity() ? fmt::format("<td>{}</td>", *matrix.zeros) : "<td>–</td>";
    return row +
           fmt::format("<td>{}</td><td>{:.3g}</td></tr>\n", escaped(matrix.solver), matrix.seconds);
}

/// "97.2 % of the weights of the blocks; left out: h.*.ln_1.weight (norms), …"
std::string share_text(const RunReport& report) {
    constexpr std::size_t kShown = 8;
    std::vector<std::string> groups;
    for (const LeftOutReport& group : report.left_out) {
        if (groups.size() == kShown) {
            groups.push_back(fmt::format("{} more", report.left_out.size() - kShown));
            break;
        }
        groups.push_back(
            fmt::format("{} ({}: {} weights)", group.names, group.reason, group.weights));
    }
    return fmt::format("{:.4g} % of the weights of the blocks; left out: {}",
                       100.0 * static_cast<double>(report.prunable_parameters) /
                           static_cast<double>(report.block_weights),
                       groups.empty() ? "nothing" : fmt::format("{}", fmt::join(groups, ", ")));
}

/// The request and the run, as pairs of name and value.
std::string facts_part(const RunReport& report) {
    std::string text = "<table>\n";
    text += fact("model", fmt::format("{} ({}), {} blocks, {} matrices, {} prunable weights",
                                      report.model_name, report.family, report.blocks,
                                      report.matrices.size(), report.prunable_parameters));
    if (report.block_weights > 0) {
        text += fact("prunable", share_text(report));
    }
    if (report.allocation) {
        text += fact("allocation", allocation_text(report));
    }
    if (!report.prune_method.empty()) {
        text += fact("pruning", report.prune_method);
    }
    if (const auto zeros = total_zeros(report)) {
        text += fact("sparsity reached",
                     fmt::format("{:.6f} ({} zeros)", realized_sparsity(report), *zeros));
    }
    text += fact("run", fmt::format("{}, {} ranks × {} threads on {}", report.started, report.ranks,
                                    report.threads_per_rank, fmt::join(report.hosts, ", ")));
    text += fact("time", phases_text(report));
    text += fact("program", fmt::format("{} ({})", report.program_version, report.program_commit));
    text += fact("command line", fmt::format("{}", fmt::join(report.command_line, " ")));
    return text + "</table>\n";
}

std::string notes_part(const RunReport& report) {
    if (report.notes.empty()) {
        return {};
    }
    std::string text = "<h2>Notes</h2>\n<ul>\n";
    for (const std::string& note : report.notes) {
        text += fmt::format("<li>{}</li>\n", escaped(note));
    }
    return text + "</ul>\n";
}

/// A figure per matrix; empty without pictures.
std::string spectra_part(const RunReport& report, const std::vector<SpectrumPicture>& pictures) {
    if (pictures.empty()) {
        return {};
    }
    std::string text =
        "<h2>Spectra</h2>\n<p>Eigenvalues λ of the smaller Gram matrix: how many (logarithmic) in "
        "each bin of log<sub>10</sub> λ. The line is the power law of alpha_mid over the upper "
        "half.</p>\n<div class=\"spectra\">\n";
    for (std::size_t m = 0; m < pictures.size() && m < report.matrices.size(); ++m) {
        const MatrixReport& matrix = report.matrices[m];
        const double alpha =
            matrix.has_metrics ? matrix.metrics[spectrum::Metric::alpha_mid] : std::nan("");
        const std::string chart =
            spectrum_chart(pictures[m], std::min(matrix.rows, matrix.cols), alpha);
        text += fmt::format("<figure>{}<figcaption>{}", chart, escaped(matrix.name));
        if (chart.empty()) {
            text += ": no positive eigenvalue";
        } else {
            text += fmt::format("<br>λ 10<sup>{:.2f}</sup> … 10<sup>{:.2f}</sup>",
                                pictures[m].log10_min, pictures[m].log10_max);
        }
        if (std::isfinite(alpha)) {
            text += fmt::format(" · alpha_mid {:.3f}", alpha);
        }
        text += "</figcaption></figure>\n";
    }
    return text + "</div>\n";
}

std::string matrices_part(const RunReport& report) {
    const spectrum::Metric metric =
        spectrum::metric_named(report.shown_metric).value_or(spectrum::Metric::alpha_peak);
    std::string text = fmt::format(
        "<h2>Matrices</h2>\n<div class=\"scroll\"><table class=\"numbers\">\n<thead><tr>"
        "<th>name</th><th>block</th><th>shape</th><th>{}</th><th>ratio asked</th><th>sparsity</th>"
        "<th>zeros</th><th>solver</th><th>seconds</th></tr></thead>\n<tbody>\n",
        spectrum::name_of(metric));
    for (const MatrixReport& matrix : report.matrices) {
        text += matrix_row(matrix, metric);
    }
    return text + "</tbody>\n</table></div>\n";
}

std::string blocks_part(const RunReport& report) {
    const std::string metric = escaped(report.shown_metric);
    const std::string chart = block_chart(summarize_blocks(report), metric);
    if (chart.empty()) {
        return {};
    }
    return fmt::format(
        "<h2>Blocks</h2>\n<p>Bars, left scale: sparsity ratio asked (share of weights that become "
        "zero). Line, right scale: mean {} of the block's matrices.</p>\n{}",
        metric, chart);
}

/// What a search for ratios tried; empty where there was none.
std::string search_part(const RunReport& report) {
    std::vector<SearchStepReport> steps = report.search;
    for (SearchStepReport& step : steps) {
        step.change = escaped(step.change);
    }
    const std::string chart = search_chart(steps);
    if (chart.empty()) {
        return {};
    }
    return "<h2>Search for ratios</h2>\n<p>Perplexity on held-out calibration sequences. Each mark "
           "is "
           "a candidate, and its title what was changed from the best before; the line is the best "
           "so "
           "far.</p>\n" +
           chart;
}

}  // namespace

void write_html_report(const RunReport& report, const std::vector<SpectrumPicture>& pictures,
                       const std::filesystem::path& folder) {
    const std::string page = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>AlphaPruning: "
        "{0}</title>\n"
        "<style>{1}</style>\n</head>\n<body>\n<h1>AlphaPruning: "
        "{0}</h1>\n{2}{3}{4}{5}{6}{7}</body>\n"
        "</html>\n",
        escaped(report.model_name), page_style(), facts_part(report), notes_part(report),
        blocks_part(report), search_part(report), spectra_part(report, pictures),
        matrices_part(report));
    support::write_text_atomically(folder / "report.html", page);
}

}  // namespace alphaprune::report
