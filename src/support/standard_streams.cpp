#include "alphaprune/support/standard_streams.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "alphaprune/support/error.hpp"

namespace alphaprune {

void open_standard_streams() {
    int stream = STDIN_FILENO;
    while (stream >= 0 && stream <= STDERR_FILENO) {
        stream = ::open("/dev/null", O_RDWR);  // takes the lowest number that is free
    }
    if (stream >= 0) {
        ::close(stream);
    }
}

void print_result(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EPIPE) {
            return;
        } else if (errno != EINTR) {
            throw failure(
                fmt::format("writing to standard output failed: {}", std::strerror(errno)), "",
                "make room where standard output goes, or send it elsewhere; files that were asked "
                "for are complete");
        }
    }
}

}  // namespace alphaprune
