#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "alphaprune/report/run_report.hpp"

namespace alphaprune::report {

/// The picture of one spectrum: counts of log10 λ in equal bins.
struct SpectrumPicture {
    double log10_min = 0;              ///< left edge of the first bin
    double log10_max = 0;              ///< right edge of the last
    std::vector<std::int64_t> counts;  ///< empty, or all zero, when no eigenvalue is positive
};

/// @param ascending  eigenvalues; only the positive ones are drawn
SpectrumPicture picture_of(std::vector<double> ascending, int bins = 60);

/// report.html: one self-contained page (no scripts or styles from elsewhere) with the request,
/// ratios by block as a chart, the table of matrices and a small histogram of every spectrum.
/// @param pictures  one per matrix, or empty when no spectrum was computed
void write_html_report(const RunReport& report, const std::vector<SpectrumPicture>& pictures,
                       const std::filesystem::path& folder);

}  // namespace alphaprune::report
