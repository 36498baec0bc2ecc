#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace alphaprune::parallel {

/// A process of this host: its number alone may be given to another process later.
struct ProcessMark {
    pid_t pid = 0;
    std::int64_t started = 0;  ///< in clock ticks since the host was started
};

/// The mark of a process; nothing when there is none, or one that has died.
/// Allocates nothing, so that a process just forked may call it too.
std::optional<ProcessMark> mark_of(pid_t pid);

/// Allocates nothing.
bool still_runs(const ProcessMark& process);

/// Names the set of process numbers this process lives in (containers have sets of their own).
std::int64_t process_namespace();

}  // namespace alphaprune::parallel
