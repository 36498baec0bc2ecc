#pragma once

#include "alphaprune/commands/options.hpp"
#include "setting_reader.hpp"

namespace alphaprune {

/// What `plan` is told of the machine and of where to look and write.
void read_plan_options(const SettingReader& reader, Options& options);

}  // namespace alphaprune
