#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/thread_pool.hpp"
#include "alphaprune/parallel/work_clock.hpp"

namespace alphaprune::parallel {

/// Values that the ranks of one node hold once, together, in shared memory: what one rank writes
/// the others read after sync(). Made, synced and destroyed collectively by the node. The first
/// lies at the beginning of a cache line.
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
    ~NodeArray();

    std::span<T> values() { return values_; }
    std::span<const T> values() const { return values_; }

    /// Collective: everything written before is seen by every rank after.
    void sync();

  private:
    struct Window;  ///< of MPI
    struct Free {
        void operator()(T* values) const;
    };

    const Communicator* node_;
    std::unique_ptr<Window> window_;
    std::unique_ptr<T[], Free> own_;  ///< of a rank alone on its node, instead of a window
    std::span<T> values_;
};

/// Makes sure that memory which the ranks share, and none has written to yet, really exists: so far
/// it is only promised, to every process that asks, and a process that uses it without there being
/// any is killed. Each rank of the node fills an equal part with zeros, which then lies near its
/// processor. Collective.
/// @throws Error (failure) on all ranks of the node where there is not enough
void reserve_shared_memory(const Communicator& node, std::span<std::byte> bytes);

/// Which ranks of a job share a node, the threads of each, on what it spends its time, and
/// communication between the nodes: the first rank of each node is its leader. Made collectively.
class NodeMap {
  public:
    /// @param threads  of this rank; nullptr: one alone
    explicit NodeMap(const Communicator& ranks, std::shared_ptr<const ThreadPool> threads = {});
    /// With nodes as the caller sees them.
    /// @param node  the ranks that share this rank's node, ordered as in `ranks`
    NodeMap(const Communicator& ranks, Communicator node,
            std::shared_ptr<const ThreadPool> threads = {});

    /// The ranks on this rank's node.
    const Communicator& node() const { return node_; }
    int nodes() const { return nodes_; }
    /// The number of that rank's node.
    int node_of(int rank) const { return node_of_rank_[static_cast<std::size_t>(rank)]; }
    const ThreadPool& threads() const { return *threads_; }
    /// The same, for another map of some of the ranks.
    std::shared_ptr<const ThreadPool> shared_threads() const { return threads_; }

    /// Where this rank's time is booked.
    WorkClock& clock() const { return *clock_; }
    std::shared_ptr<WorkClock> shared_clock() const { return clock_; }

    /// Collective: what each node holds of some bytes reaches the leaders of all others. On ranks
    /// that are no leaders nothing happens; the caller syncs the node's memory before and after.
    /// @param bytes     less than 2 GiB; on a leader, those of its node are set
    /// @param of_nodes  node by node, how many of them it holds, one after another
    void gather_over_nodes(std::span<std::byte> bytes, const Communicator::Parts& of_nodes) const;
    /// Lines over which sums over nodes travel side by side: the ranks of one place on their nodes
    /// are one, as far as every node has such a rank.
    int lines() const { return lines_; }
    /// Collective over this rank's line: element-wise sums over the nodes. The caller syncs the
    /// node's memory before and after. @pre node().rank() < lines()
    void sum_over_nodes(std::span<double> values) const;

  private:
    Communicator node_;
    std::optional<Communicator> leaders_;  ///< only on leaders
    std::optional<Communicator> line_;     ///< only on ranks of one
    int lines_ = 1;
    std::vector<int> node_of_rank_;
    std::shared_ptr<const ThreadPool> threads_;
    std::shared_ptr<WorkClock> clock_ = std::make_shared<WorkClock>();
    int nodes_ = 1;
};

}  // namespace alphaprune::parallel
