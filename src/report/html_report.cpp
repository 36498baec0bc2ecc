#include <fmt/format.h>

#include <array>
#include <cmath>

#include "alphaprune/support/file.hpp"
#include "page/markup.hpp"
#include "page/page_files.hpp"
#include "page/page_parts.hpp"

namespace alphaprune::report {
namespace {

/// A part of the page and what leads to it.
struct PagePart {
    std::string_view id;
    std::string_view link;
    std::string (*make)(const PageContents& contents);
};

constexpr std::array kParts{
    PagePart{"answer", "Answer", answer_part},
    PagePart{"ratios", "By block", ratios_part},
    PagePart{"spectra", "Spectra", spectra_part},
    PagePart{"distribution", "Distribution", distribution_part},
    PagePart{"errors", "Errors", errors_part},
    PagePart{"search", "Search", search_part},
    PagePart{"time", "Time", time_part},
    PagePart{"warnings", "Warnings", warnings_part},
    PagePart{"repeat", "Repeat", repeat_part},
    PagePart{"matrices", "Matrices", matrices_part},
    PagePart{"words", "Words", words_part},
};

}  // namespace

double PageContents::metric_of(const MatrixReport& matrix) const {
    return metric && matrix.has_metrics ? matrix.metrics[*metric] : NAN;
}

std::optional<double> PageContents::uniform_ratio() const {
    return report.allocation ? std::optional(report.allocation->sparsity_ratio) : std::nullopt;
}

std::string html_page(const RunReport& report, const std::vector<SpectrumPicture>& pictures) {
    const PageContents contents{report,
                                pictures,
                                grid_of(report),
                                summarize_blocks(report),
                                summarize_model(report),
                                spectrum::metric_named(report.shown_metric)};
    std::string links;
    std::string body;
    for (const PagePart& part : kParts) {
        if (const std::string made = part.make(contents); !made.empty()) {
            links += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", part.id, part.link);
            body += made;
        }
    }
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>AlphaPruning: {0}</title>\n<style>\n{1}</style>\n</head>\n<body>\n<header>\n"
        "<h1>AlphaPruning: {0}</h1>\n<nav aria-label=\"Parts of the page\"><ul>\n{2}</ul></nav>\n"
        "</header>\n<main>\n{3}</main>\n<script>\n{4}</script>\n</body>\n</html>\n",
        escaped(report.model_name), kPageStyle, links, body, kPageScript);
}

void write_html_report(const RunReport& report, const std::vector<SpectrumPicture>& pictures,
                       const std::filesystem::path& folder) {
    support::write_text_atomically(folder / "report.html", html_page(report, pictures));
}

}  // namespace alphaprune::report
