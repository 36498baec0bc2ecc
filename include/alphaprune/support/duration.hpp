#pragma once

#include <optional>
#include <string_view>

namespace alphaprune::support {

/// "D-HH:MM:SS", "HH:MM:SS" or "MM:SS" in seconds, as users and Slurm write lengths of time;
/// nothing for anything else. Each number may have any number of digits.
std::optional<double> seconds_of(std::string_view text);

}  // namespace alphaprune::support
