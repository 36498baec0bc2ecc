#include "node_neighbour.hpp"

#include <unistd.h>

namespace alphaprune::parallel {

std::optional<NodeNeighbour> find_node_neighbour(const Communicator& ranks) {
    const Communicator node = ranks.split_by_node();
    const auto mine = mark_of(::getpid());
    const auto pids = node.all_gather(std::int64_t{::getpid()});
    const auto starts = node.all_gather(mine ? mine->started : std::int64_t{-1});
    const auto namespaces = node.all_gather(process_namespace());
    const auto of_job = node.all_gather(ranks.rank());
    const auto self = static_cast<std::size_t>(node.rank());
    const std::size_t next = (self + 1) % pids.size();
    if (next == self || namespaces[next] != namespaces[self]) {
        return std::nullopt;
    }
    const NodeNeighbour found{of_job[next], {static_cast<pid_t>(pids[next]), starts[next]}};
    return still_runs(found.process) ? std::optional(found) : std::nullopt;
}

}  // namespace alphaprune::parallel
