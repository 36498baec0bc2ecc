#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/model/block_description.hpp"
#include "block_math.hpp"
#include "scratch_cutter.hpp"

namespace alphaprune::transformer {

/// Multi-head latent attention over one sequence.
class LatentAttentionPass {
  public:
    /// Values of scratch over so many tokens.
    static std::int64_t scratch(const model::BlockDescription& block,
                                const model::LatentAttentionLayer& attention, std::int64_t tokens);

    /// All arguments outlive the object. @param input  tokens × hidden size
    LatentAttentionPass(BlockMath& math, const model::BlockDescription& block,
                        const model::LatentAttentionLayer& attention, std::span<const float> input,
                        ScratchCutter scratch);

    /// What query_up is given: tokens × its inputs.
    std::span<const float> query_latent();
    /// What key_value_up is given.
    std::span<const float> key_value_latent();
    /// What the output layer is given. After both of the others.
    std::span<const float> attended();

  private:
    const model::LinearLayer& layer(int index) const {
        return block_.layers[static_cast<std::size_t>(index)];
    }
    void split_down();
    void expand_keys_and_values();

    BlockMath& math_;
    const model::BlockDescription& block_;
    const model::LatentAttentionLayer& attention_;
    std::span<const float> input_;
    std::int64_t tokens_;
    std::span<float> query_latent_;
    std::span<float> down_;    ///< latent vector and rotated values of the keys
    std::span<float> latent_;  ///< normed
    std::span<float> shared_;  ///< the keys' rotated values
    std::span<float> up_;
    std::span<float> query_;
    std::span<float> key_;
    std::span<float> value_;
    std::span<float> result_;
};

}  // namespace alphaprune::transformer
