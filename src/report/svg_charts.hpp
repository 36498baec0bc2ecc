#pragma once

#include <string>
#include <vector>

#include "alphaprune/report/html_report.hpp"
#include "block_summary.hpp"

namespace alphaprune::report {

/// Inline SVG: a bar per block for the ratio asked (scale on the left) and a line through the
/// blocks' mean metric (scale on the right). Without ratios or without metrics, just the other one.
/// @param metric  name of the metric, already fit for HTML
std::string block_chart(const std::vector<BlockSummary>& blocks, const std::string& metric);

/// Inline SVG: the spectrum's histogram on two logarithmic axes, with the power law of exponent
/// `alpha_mid` over its upper half (left out when NaN). Empty when the picture is.
/// @param eigenvalues  how many there are, those that are not positive included
std::string spectrum_chart(const SpectrumPicture& picture, std::int64_t eigenvalues,
                           double alpha_mid);

}  // namespace alphaprune::report
