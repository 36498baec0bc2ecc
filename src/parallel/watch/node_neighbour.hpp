#pragma once

#include <optional>

#include "alphaprune/parallel/communicator.hpp"
#include "process_mark.hpp"

namespace alphaprune::parallel {

/// A process of this node that another rank of the job runs in. When it dies, this rank sees it at
/// once, long before it would be missed.
struct NodeNeighbour {
    int rank = 0;
    ProcessMark process;
};

/// Collective: each rank's neighbour in a ring of the ranks of its node, so that each process is
/// watched by one other. Nothing where a rank is alone on its node or cannot see the other's
/// process.
std::optional<NodeNeighbour> find_node_neighbour(const Communicator& ranks);

}  // namespace alphaprune::parallel
