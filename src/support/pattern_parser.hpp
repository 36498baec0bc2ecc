#pragma once

#include <string_view>
#include <vector>

#include "alphaprune/support/name_pattern.hpp"

namespace alphaprune {

/// The steps that look for a pattern, with `match` as the last one.
/// @throws Error (bad_request) as NamePattern does
std::vector<NamePattern::Step> parse_pattern(std::string_view text, std::string_view where);

}  // namespace alphaprune
