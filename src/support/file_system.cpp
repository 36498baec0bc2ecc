#include "alphaprune/support/file_system.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>

#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::support {
namespace fs = std::filesystem;
namespace {

const BadRequest<std::string_view, std::string_view, std::string_view> kUnusablePath{
    "support.unusable-path", "{}: {}",
    "nothing is there, it may not be accessed, or it is of another kind than needed", "{2}"};
const Failure<std::string_view, std::string_view, std::string_view> kSystemFailure{
    "support.system-failure", "{}: {}",
    "the file system or the operating system failed, or refused the operation, for the reason "
    "given",
    "{2}"};
const Failure<> kNotAFolder{"support.not-a-folder", "this is not a folder, and one is needed here",
                            "a file or a symbolic link stands under the name of a folder",
                            "remove it: a symbolic link is never written through"};
const BadRequest<> kOutputInUse{
    "support.output-in-use", "another run is at work on this output",
    "the same job was started twice, or the earlier one has not ended yet",
    "wait for it to end, or stop it, or choose another --output"};
const Warning<std::string_view, std::string_view> kNoLocks{
    "support.no-locks", "{} cannot be locked ({}): let no other run work on this output",
    "the file system of the output does not support locks",
    "make sure that only one run writes to this output"};

constexpr std::array kAboutThePath{ENOENT,       ENOTDIR, EISDIR, EACCES, EPERM, ELOOP,
                                   ENAMETOOLONG, ENXIO,   ENODEV, EINVAL, EROFS};

/// What to do about a failure of the system.
std::string_view remedy_for(int reason) {
    switch (reason) {
        case ENOSPC:
        case EDQUOT:
            return "free some space on that file system or choose another --output";
        case EACCES:
        case EPERM:
        case EROFS:
            return "check the permissions of the file and of its folder";
        case ELOOP:
            return "this is a symbolic link, which is never written through: remove it";
        case EFBIG:
            return "raise the limit on the size of files (ulimit -f) or choose another --output";
        case EMFILE:
        case ENFILE:
            return "raise the limit on open files (ulimit -n), or start fewer ranks on each node";
        case ENOMEM:
            return "use fewer ranks on each node, or more nodes";
        default:
            return "check the file system (its server, or dmesg, may tell more), then try again";
    }
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
    return kSystemFailure(path.string(), std::string(doing) + " failed", std::strerror(reason),
                          remedy_for(reason));
}

Error path_error(std::string_view what, const fs::path& path, int reason,
                 std::string_view path_remedy) {
    if (is_about_the_path(reason)) {
        return kUnusablePath(path.string(), what, std::strerror(reason), path_remedy);
    }
    return kSystemFailure(path.string(), what, std::strerror(reason), remedy_for(reason));
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

fs::path existing_ancestor(const fs::path& path) {
    std::error_code ignored;
    fs::path found = fs::absolute(path, ignored).lexically_normal();
    if (!found.has_filename()) {
        found = found.parent_path();  // "out/" is "out"
    }
    while (!fs::exists(found, ignored) && found.has_relative_path()) {
        found = found.parent_path();
    }
    return found;
}

void make_own_folder(const std::filesystem::path& folder) {
    if (::mkdir(folder.c_str(), 0777) == 0) {
        return;
    }
    const int reason = errno;
    struct stat status {};
    if (reason != EEXIST || ::lstat(folder.c_str(), &status) != 0) {
        throw system_failure("making the folder", folder, reason);
    }
    if (!S_ISDIR(status.st_mode)) {
        throw kNotAFolder(folder.string());
    }
}

std::uint64_t free_space(const std::filesystem::path& folder) {
    struct statvfs status {};
    if (::statvfs(folder.c_str(), &status) != 0) {
        throw system_failure("asking for the free space", folder, errno);
    }
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

Descriptor::~Descriptor() {
    if (number_ >= 0) {
        ::close(number_);
    }
}

FileLock FileLock::take(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        throw path_error("cannot make the file", path, errno,
                         "check the permissions of the output folder");
    }
    FileLock lock(descriptor);
    constexpr int kTries = 100;
    for (int tried = 0; tried < kTries; ++tried) {
        if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
            return lock;
        }
        if (errno != EWOULDBLOCK) {
            log_warning(kNoLocks(path.string(), std::strerror(errno)));
            return lock;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    throw kOutputInUse(path.parent_path().string());
}

}  // namespace alphaprune::support
