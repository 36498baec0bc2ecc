#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace alphaprune::support {

/// The value of an environment variable; nothing when it is not set.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& variable)>;

/// The value of an environment variable; nothing when it is not set, or empty.
std::optional<std::string> environment_variable(const std::string& name);

/// All variables, each as NAME=value.
std::vector<std::string> whole_environment();

/// Whether a variable says yes (1, true, yes, on) or no (0, false, no, off); nothing when it is not
/// set.
/// @throws Error (bad_request) when it says something else
std::optional<bool> switch_in(const EnvironmentLookup& environment, const std::string& variable);

}  // namespace alphaprune::support
