#pragma once

#include "alphaprune/commands/options.hpp"
#include "setting_reader.hpp"

namespace alphaprune {

/// Method, pattern and ties, and whether they go together with the allocation.
void read_pruning(const SettingReader& reader, Options& options);

/// Calibration and evaluation data. After read_pruning.
void read_tokens(const SettingReader& reader, Options& options);

}  // namespace alphaprune
