#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>

namespace alphaprune::model {

/// The first few names, and how many more there are: "a, b, c and 12 more".
std::string list_names(std::span<const std::string> names);

/// Numbers as ranges: "0-6, 8".
std::string list_numbers(const std::set<std::int64_t>& numbers);

}  // namespace alphaprune::model
