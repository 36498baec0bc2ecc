#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/report/run_report.hpp"
#include "page/matrix_grid.hpp"
#include "report_parts.hpp"

namespace alphaprune::report {

// The parts of report.html, in its order, as HTML. Each is empty where the report has nothing to
// show in it.

/// What the parts are made of.
struct PageContents {
    const RunReport& report;
    const std::vector<SpectrumPicture>& pictures;  ///< one per matrix, or none
    MatrixGrid grid;
    std::vector<BlockSummary> blocks;
    BlockSummary model;
    std::optional<spectrum::Metric> metric;  ///< the shown one

    /// The shown metric of a matrix, NaN where it is not known.
    double metric_of(const MatrixReport& matrix) const;
    /// The ratio that uniform ratios would ask of every matrix; nothing after `analyze`.
    std::optional<double> uniform_ratio() const;
};

/// What was done, how much, whether it hurt, beside uniform ratios, at what cost.
std::string answer_part(const PageContents& contents);
/// How uniform ratios do where that is known, else the command by which to find out.
std::string beside_uniform(const RunReport& report);
/// The words of that command: the run's own, with uniform ratios and another output folder.
std::vector<std::string> uniform_command(const RunReport& report);
/// Ratios and the metric by block and by matrix.
std::string ratios_part(const PageContents& contents);
/// Spectra on logarithmic axes with the fitted laws: three at once, the others when opened.
std::string spectra_part(const PageContents& contents);
/// How the metric is distributed, over all and by kind of matrix.
std::string distribution_part(const PageContents& contents);
/// What the pruner left of the squared output, and its iterations.
std::string errors_part(const PageContents& contents);
/// Candidates of a search for ratios, and settings that were tried.
std::string search_part(const PageContents& contents);
/// Time by phase and rank.
std::string time_part(const PageContents& contents);
/// What a user should know.
std::string warnings_part(const PageContents& contents);
/// Command line, program, inputs: by which the run is repeated.
std::string repeat_part(const PageContents& contents);
/// The numbers of all matrices.
std::string matrices_part(const PageContents& contents);
/// The words of the page in a sentence each.
std::string words_part(const PageContents& contents);

/// Inline SVG: the density of a spectrum's eigenvalues on two logarithmic axes, with the fitted law
/// from its least eigenvalue on. Empty when the picture is.
/// @param eigenvalues  how many there are, those that are not positive included
/// @param name  of the matrix
std::string spectrum_chart(const SpectrumPicture& picture, std::int64_t eigenvalues,
                           const std::optional<LawReport>& law, std::string_view name);
/// A law in words and numbers.
std::string law_text(const LawReport& law, std::int64_t eigenvalues);

}  // namespace alphaprune::report
