#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::transformer {

/// Sequences of all ranks on their way through the whole model, block after block, each block and
/// each part of the vocabulary being held once on a node. All calls are made collectively, also on
/// ranks that have no sequence.
class ModelPass {
  public:
    /// @throws Error on all ranks when the model has no forward pass or no head
    ModelPass(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
              const model::RowSource& source);

    const ForwardPlan& plan() const { return plan_; }

    /// From token ids through all blocks.
    /// @param sequences   of this rank, all of one length, which is the same on all ranks
    /// @param block_done  called after each block
    /// @throws Error on all ranks
    void run(std::span<const std::span<const std::int32_t>> sequences,
             const std::function<void()>& block_done);

    /// What a sequence's features (tokens × feature_size) and some rows of the vocabulary's
    /// projection are for: their products are logits.
    using UseVocabulary =
        std::function<void(std::size_t sequence, linalg::ConstFloatView features,
                           parallel::RowRange rows, linalg::ConstFloatView weights)>;
    /// After run(): reads the vocabulary's projection in parts of about `bytes` of float32, and
    /// hands each with each of this rank's sequences to `use`.
    void for_each_vocabulary_part(std::uint64_t bytes, const UseVocabulary& use);

  private:
    const parallel::Communicator& ranks_;
    const model::RowSource& source_;
    parallel::Communicator node_;
    ForwardPlan plan_;
    std::unique_ptr<BlockRunner> runner_;
};

}  // namespace alphaprune::transformer
