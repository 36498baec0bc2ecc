#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::parallel {

/// Values that the ranks of one node hold once, together, in shared memory: what one rank writes
/// the others read after sync(). Made, synced and destroyed collectively by the node.
/// @tparam T  float or double
template <class T>
class NodeArray {
  public:
    /// All zero; the memory is taken here, in equal parts by all ranks, not when it is written to.
    /// @param node  the ranks that share the array (Communicator::split_by_node); outlives it
    /// @param size  number of values, the same on every rank
    /// @throws Error (failure) on all ranks of a node that has no room for them
    NodeArray(const Communicator& node, std::int64_t size);
    NodeArray(NodeArray&& other) noexcept;
    NodeArray& operator=(NodeArray&& other) noexcept;
    NodeArray(const NodeArray&) = delete;
    NodeArray& operator=(const NodeArray&) = delete;
    ~NodeArray();

    std::span<T> values() { return values_; }
    std::span<const T> values() const { return values_; }

    /// Collective: everything written before is seen by every rank after.
    void sync();

  private:
    void release() noexcept;

    const Communicator* node_;
    MPI_Win window_ = MPI_WIN_NULL;
    std::unique_ptr<T[]> own_;  ///< of a rank alone on its node, instead of a window
    std::span<T> values_;
};

}  // namespace alphaprune::parallel
