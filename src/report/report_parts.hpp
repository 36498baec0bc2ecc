#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/report/run_report.hpp"

namespace alphaprune::report {

/// part/whole; nothing where there is no whole
std::optional<double> share(std::int64_t part, std::int64_t whole);

/// What a table or chart says of one block, or of the whole model.
struct BlockSummary {
    int block = 0;
    std::int64_t weights = 0;
    double mean_metric = 0;                ///< over the matrices where it is defined; NaN if none
    std::optional<double> sparsity_ratio;  ///< asked for, weighted by the matrices' sizes
    std::optional<std::int64_t> zeros;
};

/// One summary per block, by ascending block number.
std::vector<BlockSummary> summarize_blocks(const RunReport& report);
/// The same over all matrices.
BlockSummary summarize_model(const RunReport& report);

/// Inline SVG: a bar per block for the ratio asked (scale on the left) and a line through the
/// blocks' mean metric (scale on the right). Without ratios or without metrics, just the other one.
/// @param metric  name of the metric, already fit for HTML
std::string block_chart(const std::vector<BlockSummary>& blocks, const std::string& metric);

/// Inline SVG: a mark per candidate of a search, in their order, at the height of its perplexity,
/// and a step line through the best so far. Empty when no candidate has a finite perplexity.
/// @param steps  their changes already fit for HTML
std::string search_chart(const std::vector<SearchStepReport>& steps);

/// Inline SVG: the spectrum's histogram on two logarithmic axes, with the power law of exponent
/// `alpha_mid` over its upper half (left out when NaN). Empty when the picture is.
/// @param eigenvalues  how many there are, those that are not positive included
std::string spectrum_chart(const SpectrumPicture& picture, std::int64_t eigenvalues,
                           double alpha_mid);

}  // namespace alphaprune::report
