#pragma once

#include <cstdint>
#include <optional>
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

}  // namespace alphaprune::report
