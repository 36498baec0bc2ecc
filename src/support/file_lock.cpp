#include "alphaprune/support/file_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/system_error.hpp"

namespace alphaprune::support {

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
            log_warning(
                fmt::format("{} cannot be locked ({}): let no other run work on this output",
                            path.string(), std::strerror(errno)));
            return lock;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    throw bad_request("another run is at work on this output", path.parent_path().string(),
                      "wait for it to end, or stop it, or choose another --output");
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

FileLock::~FileLock() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

}  // namespace alphaprune::support
