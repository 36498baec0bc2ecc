#pragma once

#include <string>
#include <string_view>

#include "alphaprune/cli/options.hpp"

namespace alphaprune::cli {

/// "0.1.0"
std::string_view program_version();
/// Commit of the source this program was built from, with "-dirty" when files differ from it;
/// "unknown" when it was not built from a git checkout.
std::string_view program_commit();

/// What --version prints: program, commit, compiler and libraries.
std::string version_text();

/// What --help prints.
std::string help_text();

/// The catalogue of errors and warnings (support/message.hpp) as Markdown: docs/errors.md.
std::string error_catalogue();
/// The messages whose id or text contains `word`; the one alone whose id it is.
/// @throws Error (bad_request) when there is none
std::string error_catalogue(std::string_view word);

/// What answers a request for help or for the version. @throws Error (bad_request)
std::string answer_to(const Options& question);

}  // namespace alphaprune::cli
