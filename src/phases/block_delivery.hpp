#pragma once

#include <cstddef>
#include <future>
#include <set>
#include <span>
#include <vector>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/work_clock.hpp"
#include "alphaprune/phases/prune_phase.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "tensor_stream.hpp"

namespace alphaprune::phases {

/// Brings the tensors of a block to the store once they are pruned. Where the store has an order, a
/// tensor waits in the memory of its block until those before it are there: in which order sites
/// are pruned depends on how much memory there is.
class BlockDelivery {
  public:
    /// @param ranks, clock, stream, store  outlive the object
    BlockDelivery(const parallel::Communicator& ranks, parallel::WorkClock& clock,
                  TensorStream& stream, const TensorStore& store)
        : ranks_(ranks), clock_(clock), stream_(stream), store_(store), order_(store.order()) {}

    /// Collective: all matrices of a tensor of the loaded block are pruned. Each rank writes a
    /// share of its rows, and of the tensors that have waited for it; what lies in the memory of
    /// the block as it is stored is put off. @throws Error on all ranks
    void deliver(transformer::BlockRunner& runner, int tensor);
    /// Collective: a thread writes what was put off until finish_writing(); until then nobody uses
    /// store or journal, or changes the weights of that block. @throws Error on all ranks
    void begin_writing();
    /// Collective: waits for it. @throws Error on all ranks
    void finish_writing();

  private:
    struct PutOff {
        int tensor = 0;
        parallel::RowRange rows;
        std::span<const std::byte> bytes;
    };
    void write(transformer::BlockRunner& runner, int tensor);
    void write_put_off();

    const parallel::Communicator& ranks_;
    parallel::WorkClock& clock_;
    TensorStream& stream_;
    const TensorStore& store_;
    std::vector<int> order_;
    std::size_t next_ = 0;  ///< in that order
    std::set<int> waiting_;
    std::vector<PutOff> put_off_;
    std::vector<std::byte> room_;  ///< for rows that do not lie in memory as they are stored
    std::future<void> writing_;    ///< the last member: whoever ends waits for the thread
};

}  // namespace alphaprune::phases
