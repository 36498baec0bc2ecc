#pragma once

#include "alphaprune/cli/options.hpp"
#include "setting_reader.hpp"

namespace alphaprune::cli {

/// What `plan` is told of the machine and of where to look and write.
void read_plan_options(const SettingReader& reader, Options& options);

}  // namespace alphaprune::cli
