#pragma once

#include <string>
#include <vector>

namespace alphaprune::support {

/// What a program, looked for in PATH, writes to its standard output; no shell is involved. Its
/// standard error is thrown away. Empty when it cannot be run, fails, or is not done after 5 s.
std::string output_of(const std::vector<std::string>& words);

}  // namespace alphaprune::support
