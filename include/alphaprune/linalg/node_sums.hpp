#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/linalg/far_memory.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"

namespace alphaprune::linalg {

/// Adds up what ranks have summed far from their processors, piece by piece in memory of each node,
/// which it keeps for the next time.
class NodeSums {
  public:
    /// @param lane  of this rank, outlives the object; nullptr: none, where sums are nearer
    explicit NodeSums(FarLane* lane) : lane_(lane) {}

    /// Collective: `own` of each rank becomes the sum over all of them, in the order of the nodes
    /// and of the ranks of each, the same bits everywhere.
    /// @param order  size of x
    /// @throws Error (failure) on all ranks when there is not enough memory, and those of `own`
    void add_up(const parallel::Communicator& ranks, const parallel::NodeMap& nodes, FarSums& own,
                std::int64_t order);

    /// Bytes of a node with so many ranks.
    static std::uint64_t node_memory(int node_ranks, std::int64_t order);

  private:
    void make_room(const parallel::Communicator& ranks, const parallel::Communicator& node,
                   std::int64_t order);

    FarLane* lane_;
    std::optional<parallel::NodeArray<double>> room_;  ///< a piece of each rank
    std::unique_ptr<PinnedRange> pinned_;              ///< gone before it
};

}  // namespace alphaprune::linalg
