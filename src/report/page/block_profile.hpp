#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report_parts.hpp"

namespace alphaprune::report {

/// Inline SVG, one plot above another over the blocks: bars for the ratios asked, with a line at
/// the uniform ratio, and dots for the mean metric. Without ratios or without metrics, just the
/// other one; empty without both.
/// @param metric  its name, fit for HTML
std::string block_profile(const std::vector<BlockSummary>& blocks, std::string_view metric,
                          std::optional<double> uniform);

}  // namespace alphaprune::report
