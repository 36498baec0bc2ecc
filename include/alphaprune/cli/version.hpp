#pragma once

#include <string>
#include <string_view>

namespace alphaprune::cli {

/// "0.1.0"
std::string_view program_version();
/// Commit of the source this program was built from, with "-dirty" when files differ from it;
/// "unknown" when it was not built from a git checkout.
std::string_view program_commit();

/// What --version prints: program, commit, compiler and the libraries it stands on.
std::string version_text();

}  // namespace alphaprune::cli
