#pragma once

#include "alphaprune/cli/options.hpp"
#include "setting_reader.hpp"

namespace alphaprune::cli {

/// Method, pattern and ties.
void read_pruning(const SettingReader& reader, Options& options);

/// A fixed N:M leaves nothing to allocate: every matrix has the ratio N/M. After all that reads
/// allocation and ratios.
void settle_fixed_pattern(const SettingReader& reader, Options& options);

/// Calibration and evaluation data. After read_pruning.
void read_tokens(const SettingReader& reader, Options& options);

}  // namespace alphaprune::cli
