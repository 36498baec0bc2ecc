#pragma once

#include <string>
#include <string_view>

namespace alphaprune::support {

/// What this machine's processor calls itself, as in "AMD EPYC 9654 96-Core Processor"; the kind of
/// processor the program was built for where it does not say.
std::string processor_model();

/// The same out of the text of /proc/cpuinfo; empty where that names none.
std::string processor_in(std::string_view cpuinfo);

}  // namespace alphaprune::support
