#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "page/markup.hpp"
#include "page/page_parts.hpp"

namespace alphaprune::report {
namespace {

/// Matrices by ascending metric; those without one last, in the order of the model.
std::vector<std::size_t> by_metric(const PageContents& contents,
                                   std::vector<std::size_t> matrices) {
    const auto key = [&](std::size_t m) {
        const double value = contents.metric_of(contents.report.matrices[m]);
        return std::isfinite(value) ? value : INFINITY;
    };
    std::ranges::stable_sort(matrices, {}, key);
    return matrices;
}

std::size_t count_with_metric(const PageContents& contents,
                              const std::vector<std::size_t>& ordered) {
    return static_cast<std::size_t>(std::ranges::count_if(ordered, [&](std::size_t m) {
        return std::isfinite(contents.metric_of(contents.report.matrices[m]));
    }));
}

/// Those of least, median and greatest metric, each once.
std::vector<std::size_t> three_of(const PageContents& contents,
                                  const std::vector<std::size_t>& ordered) {
    const std::size_t known = count_with_metric(contents, ordered);
    std::vector<std::size_t> three;
    for (const std::size_t place : {std::size_t{0}, known / 2, known - 1}) {
        if (known > 0 && std::ranges::find(three, ordered[place]) == three.end()) {
            three.push_back(ordered[place]);
        }
    }
    return three;
}

/// All, or three of each block where there are too many to draw.
std::vector<std::size_t> drawn_matrices(const PageContents& contents) {
    std::vector<std::size_t> all(contents.report.matrices.size());
    for (std::size_t m = 0; m < all.size(); ++m) {
        all[m] = m;
    }
    if (all.size() <= kMostDrawnSpectra) {
        return by_metric(contents, all);
    }
    std::map<int, std::vector<std::size_t>> blocks;
    for (const std::size_t m : all) {
        blocks[contents.report.matrices[m].block].push_back(m);
    }
    std::vector<std::size_t> chosen;
    for (const auto& [block, members] : blocks) {
        const auto three = three_of(contents, by_metric(contents, members));
        chosen.insert(chosen.end(), three.begin(), three.end());
    }
    return by_metric(contents, chosen);
}

/// The chart and what is to be said below it.
std::string drawn_spectrum(const PageContents& contents, std::size_t m) {
    const MatrixReport& matrix = contents.report.matrices[m];
    const std::int64_t eigenvalues = std::min(matrix.rows, matrix.cols);
    const std::string chart =
        spectrum_chart(contents.pictures[m], eigenvalues, matrix.law, matrix.name);
    const std::string law = matrix.law ? law_text(*matrix.law, eigenvalues) : "no power law fits";
    return fmt::format(
        "<figure>{}<figcaption><code>{}</code><br>{} × {}; {}{}</figcaption></figure>\n",
        chart.empty() ? "" : chart, escaped(matrix.name), matrix.rows, matrix.cols,
        chart.empty() ? "no positive eigenvalue" : law,
        matrix.sparsity_ratio ? fmt::format("; ratio {}", number_text(*matrix.sparsity_ratio))
                              : "");
}

std::string folded_spectrum(const PageContents& contents, std::size_t m) {
    const MatrixReport& matrix = contents.report.matrices[m];
    return fmt::format(
        "<details id=\"m{0}\" data-b=\"{1}\"><summary><b>{2}</b> block {1}, "
        "{3}</summary>\n{4}</details>\n",
        m, matrix.block, metric_text(contents.metric_of(matrix)),
        escaped(kind_of(matrix.name, matrix.block)), drawn_spectrum(contents, m));
}

}  // namespace

std::string spectra_part(const PageContents& contents) {
    const std::size_t matrices = contents.report.matrices.size();
    if (contents.pictures.size() != matrices || matrices == 0) {
        return {};
    }
    const std::vector<std::size_t> ordered = drawn_matrices(contents);
    const std::string metric = escaped(contents.report.shown_metric);
    std::string text = fmt::format(
        "<p>The density of the eigenvalues λ of each matrix's smaller Gram matrix (W Wᵀ or Wᵀ W), "
        "on logarithmic axes, and the power law fitted to its tail, from λ_min on. Here the "
        "heaviest tail, the median and the lightest one by {}.</p>\n<div class=\"trio\">\n",
        metric);
    for (const std::size_t m : three_of(contents, ordered)) {
        text += drawn_spectrum(contents, m);
    }
    text += "</div>\n";
    std::string list;
    for (const std::size_t m : ordered) {
        list += folded_spectrum(contents, m);
    }
    const std::string summary =
        ordered.size() == matrices
            ? fmt::format("All {} spectra by {}, the heaviest tail first",
                          with_separators(static_cast<std::int64_t>(matrices)), metric)
            : fmt::format(
                  "{} of {} spectra by {}: of each block those of least, median and "
                  "greatest",
                  ordered.size(), with_separators(static_cast<std::int64_t>(matrices)), metric);
    return section("spectra", "Spectra",
                   text + folded(summary, "<div id=\"spectra-list\">\n" + list + "</div>\n",
                                 ordered.size() <= 60));
}

}  // namespace alphaprune::report
