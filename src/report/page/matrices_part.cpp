#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/markup.hpp"
#include "page/page_parts.hpp"

namespace alphaprune::report {
namespace {

std::string matrix_row(const PageContents& contents, const MatrixReport& matrix) {
    std::string row = fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{} × {}</td><td>{}</td>", escaped(matrix.name),
        matrix.block, matrix.rows, matrix.cols, number_text(contents.metric_of(matrix), 5));
    if (contents.uniform_ratio()) {
        row += fmt::format("<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
                           number_text(matrix.sparsity_ratio.value_or(NAN), 6),
                           number_text(matrix.sparsity().value_or(NAN), 6),
                           matrix.zeros ? std::to_string(*matrix.zeros) : "–",
                           number_text(matrix.relative_error.value_or(NAN), 3),
                           matrix.iterations ? std::to_string(*matrix.iterations) : "–");
    }
    return row + fmt::format("<td class=\"words\">{}</td><td>{}</td></tr>\n",
                             matrix.solver.empty() ? "–" : escaped(matrix.solver),
                             number_text(matrix.seconds, 3));
}

std::string one_row_each(const PageContents& contents) {
    std::vector<std::string> columns{"name", "block", "shape",
                                     escaped(contents.report.shown_metric)};
    if (contents.uniform_ratio()) {
        columns.insert(columns.end(), {"ratio asked", "sparsity", "zeros", "error", "iterations"});
    }
    columns.insert(columns.end(), {"solver", "seconds"});
    std::string table = "<table class=\"numbers sortable\">" + table_head(columns) + "<tbody>\n";
    for (const MatrixReport& matrix : contents.report.matrices) {
        table += matrix_row(contents, matrix);
    }
    return table + "</tbody></table>\n";
}

/// Where there are very many, a row per block and kind: the metric of each in order, and their
/// ratios where they differ.
std::string one_row_a_kind(const PageContents& contents) {
    const RunReport& report = contents.report;
    std::string table = "<table class=\"numbers\">" +
                        table_head({"block", "kind", "matrices", "ratio asked", "zeros",
                                    escaped(report.shown_metric) + " of each"}) +
                        "<tbody>\n";
    for (std::size_t block = 0; block < contents.grid.blocks.size(); ++block) {
        for (std::size_t kind = 0; kind < contents.grid.kinds.size(); ++kind) {
            const auto cell = contents.grid.cells.find({kind, block});
            if (cell == contents.grid.cells.end()) {
                continue;
            }
            std::string values;
            double least = INFINITY;
            double most = -INFINITY;
            std::int64_t zeros = 0;
            for (const std::size_t m : cell->second) {
                const MatrixReport& matrix = report.matrices[m];
                values += number_text(contents.metric_of(matrix), 4) + " ";
                least = std::min(least, matrix.sparsity_ratio.value_or(NAN));
                most = std::max(most, matrix.sparsity_ratio.value_or(NAN));
                zeros += matrix.zeros.value_or(0);
            }
            const std::string ratio =
                least < most ? fmt::format("{} to {}", number_text(least), number_text(most))
                             : number_text(least);
            table += fmt::format(
                "<tr><th scope=\"row\">{}</th><td class=\"words\">{}</td><td>{}</td><td>{}</td>"
                "<td>{}</td><td class=\"words each\">{}</td></tr>\n",
                contents.grid.blocks[block], escaped(contents.grid.kinds[kind]),
                cell->second.size(), ratio, zeros, values);
        }
    }
    return table + "</tbody></table>\n";
}

}  // namespace

std::string matrices_part(const PageContents& contents) {
    const std::size_t count = contents.report.matrices.size();
    const std::string table =
        count <= kMostDrawnSpectra ? one_row_each(contents) : one_row_a_kind(contents);
    return section("matrices", "All matrices",
                   folded(fmt::format("Numbers of {} matrices",
                                      with_separators(static_cast<std::int64_t>(count))),
                          scrollable("Numbers of all matrices", table), count <= 60));
}

}  // namespace alphaprune::report
