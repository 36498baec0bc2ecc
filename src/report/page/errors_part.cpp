#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/heat_map.hpp"
#include "page/markup.hpp"
#include "page/page_parts.hpp"

namespace alphaprune::report {
namespace {

/// In percent.
double error_of(const MatrixReport& matrix) {
    return 100 * matrix.relative_error.value_or(NAN);
}

/// The matrices whose outputs changed most.
std::string worst_table(const PageContents& contents) {
    constexpr std::size_t kShown = 5;
    std::vector<const MatrixReport*> known;
    for (const MatrixReport& matrix : contents.report.matrices) {
        if (std::isfinite(error_of(matrix))) {
            known.push_back(&matrix);
        }
    }
    std::ranges::stable_sort(known, [](const MatrixReport* a, const MatrixReport* b) {
        return error_of(*a) > error_of(*b);
    });
    std::string table =
        "<table class=\"numbers\"><thead><tr><th scope=\"col\">largest errors</th><th "
        "scope=\"col\">error</th><th scope=\"col\">ratio asked</th><th "
        "scope=\"col\">iterations</th></tr></thead><tbody>\n";
    for (std::size_t i = 0; i < std::min(known.size(), kShown); ++i) {
        table +=
            fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        escaped(known[i]->name), percent_text(error_of(*known[i]) / 100),
                        number_text(known[i]->sparsity_ratio.value_or(NAN)),
                        known[i]->iterations ? std::to_string(*known[i]->iterations) : "–");
    }
    return scrollable("Largest errors", table + "</tbody></table>\n");
}

}  // namespace

std::string errors_part(const PageContents& contents) {
    const RunReport& report = contents.report;
    if (report.prune_method.empty()) {
        return {};
    }
    const std::string map = heat_map(
        report, contents.grid,
        {"errors", "Map of the pruner's errors by kind of matrix and block", error_of, 3, {}});
    if (map.empty()) {
        return section("errors", "Errors of the matrices",
                       fmt::format("<p>{} reports no error of single matrices; "
                                   "<code>--prune-method alps</code> does.</p>\n",
                                   escaped(report.prune_method)));
    }
    return section("errors", "Errors of the matrices",
                   fmt::format("<p>Of each matrix's squared output on the calibration sequences, "
                               "the share that {} lost.</p>\n<figure>{}<figcaption>Relative "
                               "squared error of each matrix in percent.</figcaption></figure>\n",
                               escaped(report.prune_method), map) +
                       worst_table(contents));
}

}  // namespace alphaprune::report
