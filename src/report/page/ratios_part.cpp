#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/block_profile.hpp"
#include "page/heat_map.hpp"
#include "page/markup.hpp"
#include "page/page_parts.hpp"

namespace alphaprune::report {
namespace {

/// "Block 1 keeps most (ratio 0.4785, mean alpha_mid 2.221), block 6 least (…)."
std::string extremes_text(const PageContents& contents) {
    const std::vector<BlockSummary>& blocks = contents.blocks;
    const bool all_asked = std::ranges::all_of(
        blocks, [](const BlockSummary& block) { return block.sparsity_ratio.has_value(); });
    if (blocks.size() < 2 || !all_asked) {
        return {};
    }
    const auto [least, most] = std::ranges::minmax_element(
        blocks, {}, [](const BlockSummary& b) { return *b.sparsity_ratio; });
    if (*most->sparsity_ratio - *least->sparsity_ratio < 5e-4) {
        return "<p>All blocks have the same ratio.</p>\n";
    }
    const auto told = [&](const BlockSummary& block) {
        const std::string mean =
            std::isfinite(block.mean_metric)
                ? fmt::format(", mean {} {}", escaped(contents.report.shown_metric),
                              number_text(block.mean_metric))
                : "";
        return fmt::format("ratio {}{}", number_text(*block.sparsity_ratio), mean);
    };
    return fmt::format("<p>Block {} keeps most ({}), block {} least ({}).</p>\n", least->block,
                       told(*least), most->block, told(*most));
}

/// Why the ratios are as they are.
std::string reason_text(const PageContents& contents) {
    const RunReport& report = contents.report;
    if (!report.allocation) {
        return {};
    }
    if (!report.search.empty()) {
        return "<p>The ratios are those with which the pruner did best on calibration sequences "
               "held out from its statistics (<a href=\"#search\">search</a>).</p>\n";
    }
    if (report.allocation->metric.empty()) {
        return fmt::format("<p>The ratios are those of <code>--allocation {}</code>.</p>\n",
                           escaped(report.allocation->name));
    }
    return fmt::format(
        "<p>The ratios follow {0}: the heavier the tail of a spectrum (the smaller its exponent), "
        "the better trained the matrix is taken to be, and the more of it is kept. {1}The weighted "
        "mean of all ratios is {2}.</p>\n",
        escaped(report.allocation->metric),
        report.allocation->mapping_type == "block_wise"
            ? "All matrices of a block share the ratio that follows from their mean exponent. "
            : "",
        number_text(report.allocation->sparsity_ratio));
}

std::string map_figure(const std::string& map, const std::string& caption) {
    return map.empty()
               ? ""
               : fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", map, caption);
}

bool has_experts(const PageContents& contents) {
    return contents.grid.cells.size() < contents.report.matrices.size();
}

/// Whether each matrix in a map has a spectrum on the page.
bool opens_spectra(const PageContents& contents) {
    return !contents.pictures.empty() && contents.pictures.size() <= kMostDrawnSpectra &&
           !has_experts(contents);
}

std::string maps(const PageContents& contents) {
    const RunReport& report = contents.report;
    const std::string metric = escaped(report.shown_metric);
    const std::string ratios =
        heat_map(report, contents.grid,
                 {"ratios", "Map of the sparsity ratios by kind of matrix and block",
                  [](const MatrixReport& matrix) { return matrix.sparsity_ratio.value_or(NAN); }, 3,
                  contents.uniform_ratio()});
    const std::string alphas =
        heat_map(report, contents.grid,
                 {"metric",
                  fmt::format("Map of {} by kind of matrix and block", metric),
                  [&](const MatrixReport& matrix) { return contents.metric_of(matrix); },
                  4,
                  {}});
    return map_figure(ratios,
                      fmt::format("Sparsity ratio asked of each matrix. Gray: {}, as uniform "
                                  "ratios would have it; red: more is removed; blue: less.",
                                  number_text(contents.uniform_ratio().value_or(NAN)))) +
           map_figure(alphas,
                      fmt::format("{} of each matrix{}.{}", metric,
                                  has_experts(contents) ? ", of several in a place the mean" : "",
                                  opens_spectra(contents) ? " A click opens its spectrum." : ""));
}

std::string block_row(const PageContents& contents, const BlockSummary& block,
                      const std::string& name) {
    std::string row = fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td>", name,
                                  number_text(block.mean_metric, 5));
    if (contents.uniform_ratio()) {
        row += fmt::format(
            "<td>{}</td><td>{}</td><td>{}</td>", number_text(block.sparsity_ratio.value_or(NAN)),
            block.zeros ? percent_text(share(*block.zeros, block.weights).value_or(NAN)) : "–",
            block.zeros ? with_separators(*block.zeros) : "–");
    }
    return row + fmt::format("<td>{}</td></tr>\n", with_separators(block.weights));
}

std::string block_numbers(const PageContents& contents) {
    constexpr std::size_t kMostOpen = 16;
    std::vector<std::string> columns{"block", "mean " + escaped(contents.report.shown_metric)};
    if (contents.uniform_ratio()) {
        columns.insert(columns.end(), {"ratio asked", "sparsity", "zeros"});
    }
    columns.emplace_back("weights");
    std::string table = "<table class=\"numbers\">" + table_head(columns) + "<tbody>\n";
    for (const BlockSummary& block : contents.blocks) {
        table += block_row(contents, block, std::to_string(block.block));
    }
    table += block_row(contents, contents.model, "all") + "</tbody></table>\n";
    return folded("Numbers by block", scrollable("Numbers by block", table),
                  contents.blocks.size() <= kMostOpen);
}

}  // namespace

std::string ratios_part(const PageContents& contents) {
    const std::string profile = block_profile(
        contents.blocks, escaped(contents.report.shown_metric), contents.uniform_ratio());
    if (profile.empty()) {
        return {};
    }
    const bool pruned = contents.uniform_ratio().has_value();
    return section(
        "ratios", pruned ? "Why there: ratios and spectra by block" : "Exponents by block",
        reason_text(contents) + extremes_text(contents) +
            map_figure(scrollable("Profile over the blocks", profile),
                       pruned ? "Above: share of weights that become zero; the dashed line is the "
                                "uniform ratio. Below: what the spectra say."
                              : "Mean over the matrices of a block.") +
            maps(contents) + block_numbers(contents));
}

}  // namespace alphaprune::report
