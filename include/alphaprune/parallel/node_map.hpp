#pragma once

#include <optional>
#include <span>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// Which ranks of a job share a node, and a road between the nodes: the first rank of each node is
/// its leader. Made collectively.
class NodeMap {
  public:
    explicit NodeMap(const Communicator& ranks);
    /// With nodes as the caller sees them.
    /// @param node  the ranks that share this rank's node, ordered as in `ranks`
    NodeMap(const Communicator& ranks, Communicator node);

    /// The ranks on this rank's node.
    const Communicator& node() const { return node_; }
    int nodes() const { return nodes_; }

    /// Collective: the values that the node of `rank` holds reach the leaders of all other nodes.
    /// Ranks that are no leaders only take part by name; the caller syncs the node's memory before
    /// and after.
    void broadcast_from_node_of(int rank, std::span<float> values) const;

  private:
    Communicator node_;
    std::optional<Communicator> leaders_;  ///< only on leaders
    std::vector<int> node_of_rank_;
    int nodes_ = 1;
};

}  // namespace alphaprune::parallel
