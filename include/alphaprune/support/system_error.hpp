#pragma once

#include <filesystem>
#include <string_view>

#include "alphaprune/support/error.hpp"

namespace alphaprune::support {

/// Whether this errno tells that the path somebody has named is wrong for what is asked: nothing is
/// there, it may not be read, it is a folder. Any other (EIO, ESTALE, EMFILE, ENOMEM, ETIMEDOUT, …)
/// tells of the system, which may well answer the next time.
bool is_about_the_path(int reason);

/// The system does not do what the program needs (exit status 1): "`doing` failed: reason".
Error system_failure(std::string_view doing, const std::filesystem::path& path, int reason);

/// A file or folder that was named cannot be used: the request is wrong where the errno is about
/// the path, else the system fails.
/// @param what         as in "cannot open the file"
/// @param path_remedy  where the request is wrong
Error path_error(std::string_view what, const std::filesystem::path& path, int reason,
                 std::string_view path_remedy = "check the path and its permissions");

/// What stands under a path, links followed: file_type::not_found where nothing does.
/// @throws Error (bad_request) where that may not be looked at, (failure) where the system does not
///         say: neither must pass for a file that is not there
std::filesystem::file_status status_of(const std::filesystem::path& path);
/// The same for the path itself, be it a link.
std::filesystem::file_status link_status_of(const std::filesystem::path& path);

}  // namespace alphaprune::support
