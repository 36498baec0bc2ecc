#include "alphaprune/support/system_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace alphaprune::support {
namespace fs = std::filesystem;
namespace {

constexpr std::array kAboutThePath{ENOENT,       ENOTDIR, EISDIR, EACCES, EPERM, ELOOP,
                                   ENAMETOOLONG, ENXIO,   ENODEV, EINVAL, EROFS};

std::string remedy_for(int reason) {
    std::string remedy;
    if (reason == ENOSPC || reason == EDQUOT) {
        remedy = "free some space on that file system or choose another --output";
    } else if (reason == EACCES || reason == EPERM || reason == EROFS) {
        remedy = "check the permissions of the file and of its folder";
    } else if (reason == ELOOP) {
        remedy = "this is a symbolic link, which is never written through: remove it";
    } else if (reason == EFBIG) {
        remedy = "raise the limit on the size of files (ulimit -f) or choose another --output";
    } else if (reason == EMFILE || reason == ENFILE) {
        remedy = "raise the limit on open files (ulimit -n), or start fewer ranks on each node";
    } else if (reason == ENOMEM) {
        remedy = "use fewer ranks on each node, or more nodes";
    } else {
        remedy = "check the file system (its server, or dmesg, may tell more), then try again";
    }
    return remedy;
}

/// @param status  what the standard library makes of it, with the reason
fs::file_status checked(fs::file_status status, const fs::path& path,
                        const std::error_code& reason) {
    if (status.type() == fs::file_type::not_found || reason.value() == ENAMETOOLONG) {
        return fs::file_status(fs::file_type::not_found);
    }
    if (reason) {
        throw path_error("cannot look at the file", path, reason.value());
    }
    return status;
}

}  // namespace

bool is_about_the_path(int reason) {
    return std::ranges::find(kAboutThePath, reason) != kAboutThePath.end();
}

Error system_failure(std::string_view doing, const fs::path& path, int reason) {
    std::string remedy = remedy_for(reason);
    return failure(fmt::format("{} failed: {}", doing, std::strerror(reason)), path.string(),
                   std::move(remedy));
}

Error path_error(std::string_view what, const fs::path& path, int reason,
                 std::string_view path_remedy) {
    if (is_about_the_path(reason)) {
        return bad_request(fmt::format("{}: {}", what, std::strerror(reason)), path.string(),
                           std::string(path_remedy));
    }
    std::string remedy = remedy_for(reason);
    return failure(fmt::format("{}: {}", what, std::strerror(reason)), path.string(),
                   std::move(remedy));
}

fs::file_status status_of(const fs::path& path) {
    std::error_code reason;
    const fs::file_status status = fs::status(path, reason);
    return checked(status, path, reason);
}

fs::file_status link_status_of(const fs::path& path) {
    std::error_code reason;
    const fs::file_status status = fs::symlink_status(path, reason);
    return checked(status, path, reason);
}

}  // namespace alphaprune::support
