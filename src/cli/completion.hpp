#pragma once

#include <string>
#include <string_view>

namespace alphaprune::cli {

/// A script that completes command lines of the program, from the tables of commands and options.
/// @param shell  bash, zsh or fish
/// @throws Error (bad_request) for another one
std::string completion_script(std::string_view shell);

/// The manual page (man 1 alphaprune_mpi), from --help and the table of options.
std::string man_page();

}  // namespace alphaprune::cli
