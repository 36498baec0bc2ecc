#pragma once

#include <string>
#include <string_view>

namespace alphaprune::support {

/// The text with a question mark in the place of each control character but line ends and tabs, so
/// that a name out of a file cannot command the terminal it is shown on.
std::string without_control_characters(std::string_view text);

}  // namespace alphaprune::support
