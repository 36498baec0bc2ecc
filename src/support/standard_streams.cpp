#include "alphaprune/support/standard_streams.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune::support {

void open_standard_streams() {
    int stream = STDIN_FILENO;
    while (stream >= 0 && stream <= STDERR_FILENO) {
        stream = ::open("/dev/null", O_RDWR);  // takes the lowest number that is free
    }
    if (stream >= 0) {
        ::close(stream);
    }
    std::signal(SIGPIPE, SIG_IGN);
}

void print_result(std::string_view text) {
    const int reason = write_whole(STDOUT_FILENO, std::as_bytes(std::span(text)));
    if (reason != 0 && reason != EPIPE) {
        throw failure(fmt::format("writing to standard output failed: {}", std::strerror(reason)),
                      "",
                      "make room where standard output goes, or send it elsewhere; files that were "
                      "asked for are complete");
    }
}

}  // namespace alphaprune::support
