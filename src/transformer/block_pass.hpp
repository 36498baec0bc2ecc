#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/transformer/block_runner.hpp"
#include "layers.hpp"
#include "rotary.hpp"
#include "scratch_cutter.hpp"

namespace alphaprune::transformer {

/// Whether any of its sublayers rotates queries and keys.
bool rotates(const model::BlockDescription& block);

/// Values of scratch that a pass over a sequence takes.
std::int64_t block_scratch(const model::BlockDescription& block, std::int64_t hidden_size,
                           std::int64_t tokens);

/// One block over one sequence, sublayer after sublayer, as its description says.
class BlockPass {
  public:
    /// @param rotary   reaches as far as the tokens, where a sublayer rotates
    /// @param scratch  block_scratch() values
    BlockPass(const BlockPlan& plan, const SharedWeights& weights, const RotaryTable& rotary,
              std::int64_t tokens, std::span<float> scratch, const InputObserver& observe);

    /// @param hidden  in and out: tokens × hidden_size
    void run(std::span<float> hidden);

  private:
    /// hidden += output(attention(query(input), key(input), value(input)))
    void add_attention(const model::AttentionLayer& layer, std::span<const float> input,
                       std::span<float> hidden);
    void add_mlp(const model::MlpLayer& layer, std::span<const float> input,
                 std::span<float> hidden);
    /// The inner values of the MLP: what its last layer is given.
    void fill_inner(const model::MlpLayer& layer, std::span<const float> input,
                    std::span<float> inner, std::span<float> tile) const;
    const model::LinearLayer& layer(int index) const {
        return block_.layers[static_cast<std::size_t>(index)];
    }
    /// The next site's input.
    void show(std::span<const float> input);

    const model::BlockDescription& block_;
    LayerWeights weights_;
    const RotaryTable& rotary_;
    std::int64_t tokens_;
    std::span<float> scratch_;
    const InputObserver& observe_;
    std::size_t site_ = 0;
};

}  // namespace alphaprune::transformer
