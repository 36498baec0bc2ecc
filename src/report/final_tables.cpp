#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "page/markup.hpp"
#include "report_parts.hpp"

namespace alphaprune::report {
namespace {

using Members = std::vector<const MatrixReport*>;

double mean_metric(const Members& members, std::optional<spectrum::Metric> metric) {
    double sum = 0;
    int defined = 0;
    for (const MatrixReport* matrix : members) {
        if (metric && matrix->has_metrics && std::isfinite(matrix->metrics[*metric])) {
            sum += matrix->metrics[*metric];
            ++defined;
        }
    }
    return defined > 0 ? sum / defined : std::numeric_limits<double>::quiet_NaN();
}

BlockSummary summarize(int block, const Members& members, std::optional<spectrum::Metric> metric) {
    BlockSummary summary;
    summary.block = block;
    summary.mean_metric = mean_metric(members, metric);
    double asked = 0;
    bool all_asked = !members.empty();
    std::int64_t zeros = 0;
    bool all_counted = !members.empty();
    for (const MatrixReport* matrix : members) {
        const std::int64_t weights = matrix->weights();
        summary.weights += weights;
        asked += matrix->sparsity_ratio.value_or(0) * static_cast<double>(weights);
        all_asked = all_asked && matrix->sparsity_ratio.has_value();
        zeros += matrix->zeros.value_or(0);
        all_counted = all_counted && matrix->zeros.has_value();
    }
    if (all_asked && summary.weights > 0) {
        summary.sparsity_ratio = asked / static_cast<double>(summary.weights);
    }
    if (all_counted) {
        summary.zeros = zeros;
    }
    return summary;
}

/// One column: its head and a cell a row, all right-aligned.
struct Column {
    std::string head;
    std::vector<std::string> cells;
};

std::string metric_cell(double value) {
    if (!std::isfinite(value)) {
        return "-";
    }
    const double magnitude = std::fabs(value);
    return magnitude != 0 && (magnitude >= 1e5 || magnitude < 1e-2) ? fmt::format("{:.3e}", value)
                                                                    : fmt::format("{:.3f}", value);
}

std::string ratio_cell(const std::optional<double>& value) {
    return value ? fmt::format("{:.4f}", *value) : "-";
}

std::string rendered(const std::vector<Column>& columns) {
    std::string text;
    const auto line = [&](auto cell_of) {
        for (std::size_t c = 0; c < columns.size(); ++c) {
            std::size_t width = columns[c].head.size();
            for (const std::string& cell : columns[c].cells) {
                width = std::max(width, cell.size());
            }
            text += fmt::format("{}{:>{}}", c == 0 ? "" : "  ", cell_of(columns[c]), width);
        }
        text += '\n';
    };
    line([](const Column& column) { return column.head; });
    for (std::size_t row = 0; row < columns.front().cells.size(); ++row) {
        line([&](const Column& column) { return column.cells[row]; });
    }
    return text;
}

std::string value_text(double perplexity) {
    return std::isfinite(perplexity) ? fmt::format("{:.3f}", perplexity) : "not a number";
}

}  // namespace

std::vector<BlockSummary> summarize_blocks(const RunReport& report) {
    std::map<int, Members> blocks;
    for (const MatrixReport& matrix : report.matrices) {
        blocks[matrix.block].push_back(&matrix);
    }
    const auto metric = spectrum::metric_named(report.shown_metric);
    std::vector<BlockSummary> summaries;
    for (const auto& [block, members] : blocks) {
        summaries.push_back(summarize(block, members, metric));
    }
    return summaries;
}

BlockSummary summarize_model(const RunReport& report) {
    Members all;
    for (const MatrixReport& matrix : report.matrices) {
        all.push_back(&matrix);
    }
    return summarize(0, all, spectrum::metric_named(report.shown_metric));
}

std::string block_table(const RunReport& report) {
    std::vector<BlockSummary> rows = summarize_blocks(report);
    const BlockSummary whole = summarize_model(report);
    rows.push_back(whole);

    Column block{.head = "block", .cells = {}};
    Column metric{.head = "mean " + report.shown_metric, .cells = {}};
    Column asked{.head = "ratio asked", .cells = {}};
    Column reached{.head = "sparsity", .cells = {}};
    Column zeros{.head = "zeros", .cells = {}};
    Column weights{.head = "weights", .cells = {}};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const BlockSummary& row = rows[i];
        block.cells.push_back(i + 1 < rows.size() ? std::to_string(row.block) : "all");
        metric.cells.push_back(metric_cell(row.mean_metric));
        asked.cells.push_back(ratio_cell(row.sparsity_ratio));
        reached.cells.push_back(
            ratio_cell(row.zeros ? share(*row.zeros, row.weights) : std::nullopt));
        zeros.cells.push_back(row.zeros ? with_separators(*row.zeros) : "-");
        weights.cells.push_back(with_separators(row.weights));
    }
    std::vector<Column> columns{block};
    if (std::ranges::any_of(
            rows, [](const BlockSummary& row) { return std::isfinite(row.mean_metric); })) {
        columns.push_back(metric);
    }
    if (whole.sparsity_ratio || whole.zeros) {
        columns.insert(columns.end(), {asked, reached, zeros});
    }
    columns.push_back(weights);
    return rendered(columns);
}

std::string perplexity_lines(const RunReport& report) {
    std::string text;
    for (const PerplexityReport& entry : report.perplexities) {
        text += "perplexity";
        if (entry.dense) {
            text += fmt::format(" {} dense{}", value_text(*entry.dense), entry.pruned ? "," : "");
        }
        if (entry.pruned) {
            text += fmt::format(" {} pruned", value_text(*entry.pruned));
        }
        text +=
            fmt::format(" ({}, seqlen {}, windows {})\n", entry.text, entry.seqlen, entry.windows);
    }
    return text;
}

}  // namespace alphaprune::report
