#pragma once

#include "alphaprune/cli/options.hpp"
#include "setting_reader.hpp"

namespace alphaprune::cli {

/// How much is pruned where, and how: allocation, metric, ratios, method, pattern, ties. A fixed
/// N:M pattern leaves nothing to allocate: every matrix then has the ratio N/M.
void read_pruning_options(const SettingReader& reader, Options& options);

/// Calibration and evaluation data.
/// @pre  allocation and pruning method have been read
void read_token_options(const SettingReader& reader, Options& options);

}  // namespace alphaprune::cli
