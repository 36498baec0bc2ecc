#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "block_summary.hpp"

namespace alphaprune::report {
namespace {

/// One column: its head and a cell a row, all right-aligned.
struct Column {
    std::string head;
    std::vector<std::string> cells;
};

/// 1234567 as "1,234,567".
std::string with_separators(std::int64_t value) {
    std::string text = std::to_string(value);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
        text.insert(static_cast<std::size_t>(at), 1, ',');
    }
    return text;
}

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
        reached.cells.push_back(row.zeros ? fmt::format("{:.4f}", row.sparsity()) : "-");
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
