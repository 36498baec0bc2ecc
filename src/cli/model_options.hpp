#pragma once

#include "alphaprune/cli/options.hpp"
#include "setting_reader.hpp"

namespace alphaprune::cli {

/// Which model, where it is looked for, and how much of it: --model, --model-root, --revision,
/// --synthetic, --blocks, --include, --exclude.
void read_model_options(const SettingReader& reader, Options& options);

}  // namespace alphaprune::cli
