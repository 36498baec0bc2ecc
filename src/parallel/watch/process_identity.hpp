#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// A process of this host; its number alone may be given to another process later.
struct ProcessIdentity {
    pid_t pid = 0;
    std::int64_t started = 0;  ///< in clock ticks since the host was started
};

/// The process of that number; nothing when there is none, or one that has died.
/// Allocates nothing, so that a process just forked may call it too.
std::optional<ProcessIdentity> identify_process(pid_t pid);

/// Allocates nothing.
bool is_running(const ProcessIdentity& process);

/// The process of another rank on this node. When it dies, this rank sees it at once, long before
/// its heartbeats would be missed.
struct NodeNeighbor {
    int rank = 0;
    ProcessIdentity process;
};

/// Collective: each rank's neighbor in a ring of the ranks of its node, so that each process is
/// watched by one other. Nothing where a rank is alone on its node or cannot see the other's
/// process.
std::optional<NodeNeighbor> find_node_neighbor(const Communicator& ranks);

}  // namespace alphaprune::parallel
