#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::cli {

/// The values of options that take one of a few, by the name of the option.
using OptionValues = std::map<std::string, std::vector<std::string>, std::less<>>;

/// As the program reads them: nothing is listed twice.
OptionValues option_values();

}  // namespace alphaprune::cli
