#include "process_identity.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace alphaprune::parallel {
namespace {

/// The text of /proc/PID/stat, in `buffer`.
std::string_view status_of(pid_t pid, std::array<char, 1024>& buffer) {
    std::array<char, 32> path{"/proc/"};
    char* const end = std::to_chars(path.data() + 6, path.data() + 20, pid).ptr;
    std::string_view("/stat").copy(end, 5);
    const int file = ::open(path.data(), O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return {};
    }
    const ssize_t length = ::read(file, buffer.data(), buffer.size());
    ::close(file);
    return {buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

/// The process-number namespace of this process (containers have their own).
std::int64_t process_namespace() {
    struct stat status {};
    return ::stat("/proc/self/ns/pid", &status) == 0 ? static_cast<std::int64_t>(status.st_ino)
                                                     : -1;
}

}  // namespace

std::optional<ProcessIdentity> identify_process(pid_t pid) {
    std::array<char, 1024> buffer{};
    std::string_view text = status_of(pid, buffer);
    // "PID (NAME) STATE ...": the name may hold anything, blanks and brackets too. The state is the
    // third field, the start the 22nd.
    const std::size_t name_end = text.rfind(") ");
    if (name_end == std::string_view::npos || name_end + 2 >= text.size()) {
        return std::nullopt;
    }
    text.remove_prefix(name_end + 2);
    if (text.front() == 'Z' || text.front() == 'X') {
        return std::nullopt;
    }
    for (int field = 3; field < 22; ++field) {
        text.remove_prefix(std::min(text.size(), text.find(' ')));
        text.remove_prefix(std::min<std::size_t>(text.size(), 1));
    }
    ProcessIdentity process{pid, 0};
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), process.started);
    return parsed.ec == std::errc() ? std::optional(process) : std::nullopt;
}

bool is_running(const ProcessIdentity& process) {
    const auto now = identify_process(process.pid);
    return now && now->started == process.started;
}

std::optional<NodeNeighbor> find_node_neighbor(const Communicator& ranks) {
    const Communicator node = ranks.split_by_node();
    const auto mine = identify_process(::getpid());
    const auto pids = node.all_gather(std::int64_t{::getpid()});
    const auto starts = node.all_gather(mine ? mine->started : std::int64_t{-1});
    const auto namespaces = node.all_gather(process_namespace());
    const auto of_job = node.all_gather(ranks.rank());
    const auto self = static_cast<std::size_t>(node.rank());
    const std::size_t next = (self + 1) % pids.size();
    if (next == self || namespaces[next] != namespaces[self]) {
        return std::nullopt;
    }
    const NodeNeighbor found{of_job[next], {static_cast<pid_t>(pids[next]), starts[next]}};
    return is_running(found.process) ? std::optional(found) : std::nullopt;
}

}  // namespace alphaprune::parallel
