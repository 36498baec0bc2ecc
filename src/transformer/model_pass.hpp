#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/transformer/transformer.hpp"

namespace alphaprune::transformer {

/// Sequences of all ranks on their way through the whole model, block after block, each block and
/// each part of the vocabulary being held once on a node. All calls are collective, also on ranks
/// that have no sequence.
class ModelPass {
  public:
    /// @throws Error on all ranks when the model has no forward pass or no head
    ModelPass(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
              const model::RowSource& source);

    const Transformer& transformer() const { return transformer_; }
    /// Values that a sequence occupies.
    std::int64_t state_size(std::int64_t tokens) const;

    /// From token ids to what the vocabulary is multiplied with.
    /// @param sequences   of this rank, all of one length, which is the same on all ranks
    /// @param block_done  called after each block
    /// @return state_size() values a sequence, of which tokens × feature_size() are features
    /// @throws Error on all ranks
    std::vector<float> features_of(std::span<const std::span<const std::int32_t>> sequences,
                                   std::int64_t tokens,
                                   const std::function<void()>& block_done) const;

    /// Reads the vocabulary's projection in parts of about `bytes` of float32.
    /// @param use  called on each rank with each part
    void for_each_vocabulary_part(
        std::uint64_t bytes,
        const std::function<void(parallel::RowRange, linalg::ConstFloatView)>& use) const;

  private:
    std::vector<float> embedded(std::span<const std::span<const std::int32_t>> sequences,
                                std::int64_t tokens) const;
    void run_blocks(std::span<float> states, std::int64_t tokens,
                    const std::function<void()>& block_done) const;
    void turn_into_features(std::span<float> states, std::int64_t tokens) const;

    const parallel::Communicator& ranks_;
    const model::Catalogue& catalogue_;
    const model::RowSource& source_;
    parallel::Communicator node_;
    Transformer transformer_;
};

}  // namespace alphaprune::transformer
