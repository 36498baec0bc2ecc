#include "alphaprune/report/html_report.hpp"

#include <fmt/format.h>

#include "alphaprune/support/file.hpp"
#include "html_parts.hpp"
#include "svg_charts.hpp"

namespace alphaprune::report {
namespace {

std::string blocks_part(const RunReport& report) {
    const std::string metric = escaped(report.shown_metric);
    const std::string chart = block_chart(summarise_blocks(report), metric);
    if (chart.empty()) {
        return {};
    }
    return fmt::format(
        "<h2>Blocks</h2>\n<p>Bars, left scale: sparsity ratio asked (share of weights that become "
        "zero). Line, right scale: mean {} of the block's matrices.</p>\n{}",
        metric, chart);
}

}  // namespace

void write_html_report(const RunReport& report, const std::vector<SpectrumPicture>& pictures,
                       const std::filesystem::path& folder) {
    const std::string page = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n<title>AlphaPruning: "
        "{0}</title>\n"
        "<style>{1}</style>\n</head>\n<body>\n<h1>AlphaPruning: {0}</h1>\n{2}{3}{4}{5}{6}</body>\n"
        "</html>\n",
        escaped(report.model_name), page_style(), facts_part(report), notes_part(report),
        blocks_part(report), spectra_part(report, pictures), matrices_part(report));
    support::write_text_atomically(folder / "report.html", page);
}

}  // namespace alphaprune::report
