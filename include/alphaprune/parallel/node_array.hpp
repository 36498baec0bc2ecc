#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune {

/// float32 values that the ranks of one node hold once, together, in shared memory: what one rank
/// writes the others read after sync(). Made, synced and destroyed collectively by the node.
class NodeArray {
  public:
    /// @param node  the ranks that share the array (Communicator::split_by_node); outlives it
    /// @param size  number of values, the same on every rank
    NodeArray(const Communicator& node, std::int64_t size);
    NodeArray(NodeArray&& other) noexcept;
    NodeArray& operator=(NodeArray&& other) noexcept;
    NodeArray(const NodeArray&) = delete;
    NodeArray& operator=(const NodeArray&) = delete;
    ~NodeArray();

    std::span<float> values() { return values_; }
    std::span<const float> values() const { return values_; }

    /// Collective: everything written before is seen by every rank after.
    void sync();

  private:
    void release() noexcept;

    const Communicator* node_;
    MPI_Win window_ = MPI_WIN_NULL;
    std::span<float> values_;
};

}  // namespace alphaprune
