#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/row_source.hpp"
#include "alphaprune/transformer/shared_weights.hpp"

namespace alphaprune::transformer {

/// Called during the forward pass of a block with the input of one or several of its matrices
/// (indices into Catalogue::matrices; q, k and v share one input, as do gate and up).
/// @param input  tokens × cols, row-major, float32; valid during the call only
using InputObserver = std::function<void(std::span<const int> matrices,
                                         std::span<const float> input, std::int64_t tokens)>;

/// One or several matrices of a block that read the same input.
struct InputSite {
    std::vector<int> matrices;  ///< indices into Catalogue::matrices, ascending
    std::int64_t cols = 0;      ///< width of the input
};

/// The forward pass of a decoder-only transformer in float32, one block at a time, one sequence at
/// a time: the result for a sequence does not depend on what else a rank computes. Attention works
/// by tiles; memory grows with tokens, not with tokens². Not collective.
class Transformer {
  public:
    /// @param catalogue  outlives the object
    /// @throws Error (bad_request): the architecture has no forward pass (the message names those
    ///         that have one and says that pruning without activations works all the same), a
    ///         feature that is not supported (RoPE type, activation), tensors missing or of a wrong
    ///         shape
    explicit Transformer(const model::Catalogue& catalogue);
    Transformer(Transformer&&) noexcept;
    ~Transformer();

    /// Whether the family has a forward pass at all.
    static bool supports(const model::Catalogue& catalogue);

    std::int64_t hidden_size() const;
    /// Indices of the tensors that run_block needs for that block.
    std::vector<int> block_tensors(int block) const;
    /// The inputs of a block's matrices, in the order in which run_block tells of them.
    std::vector<InputSite> input_sites(int block) const;

    /// Token embeddings (with learned positions and input projection where the family has them).
    /// Reads just the rows of the tokens present.
    /// @param hidden  out: tokens.size() × hidden_size
    void embed(const model::RowSource& source, std::span<const std::int32_t> tokens,
               std::span<float> hidden) const;

    /// One block over one sequence, in place.
    /// @param weights  holds block_tensors(block)
    /// @param hidden   in and out: tokens × hidden_size, the tokens being positions 0, 1, …
    /// @param observe  may be empty
    void run_block(int block, const SharedWeights& weights, std::span<float> hidden,
                   std::int64_t tokens, const InputObserver& observe) const;

    /// Floating-point operations of run_block's matrix products for a sequence (attention
    /// included).
    double block_flops(int block, std::int64_t tokens) const;
    /// Bytes of scratch memory that run_block needs for a sequence.
    std::uint64_t scratch_bytes(std::int64_t tokens) const;

    /// Whoever runs blocks alone, to prune them, needs no head: a model without is no error then.
    /// @throws Error (bad_request): what the head is made of is missing or of a wrong shape
    void require_head() const;
    /// Tensors outside the blocks that the head needs except the vocabulary projection itself
    /// (final norm, output projection), and the index of that projection: the stored head, or the
    /// embedding where it is tied and none is stored. After require_head().
    std::vector<int> head_tensors() const;
    int vocabulary_tensor() const;
    /// The index of the token embedding: where it is tied and not stored, the head's.
    int embedding_tensor() const;

    /// Final norm (and output projection) over one sequence: what the vocabulary rows are
    /// multiplied with.
    /// @param weights   holds head_tensors()
    /// @param features  out: tokens × feature_size()
    void features(const SharedWeights& weights, std::span<const float> hidden, std::int64_t tokens,
                  std::span<float> features) const;
    std::int64_t feature_size() const;

    /// Stored tensors that the forward pass passes over, a sentence each kind: biases that
    /// config.json does not announce, and whatever the family knows nothing of. Buffers such as
    /// rotary frequencies are not worth a word.
    std::vector<std::string> warnings() const;

  private:
    struct Plan;
    std::unique_ptr<Plan> plan_;
};

}  // namespace alphaprune::transformer
