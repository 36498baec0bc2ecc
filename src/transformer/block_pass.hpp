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
/// Values per token that a pass in steps keeps of a sequence from one step to the next.
std::int64_t kept_width(const model::BlockDescription& block);

/// One block over one sequence, sublayer after sublayer, as its description says.
class BlockPass {
  public:
    /// @param rotary   reaches as far as the tokens, where a sublayer rotates
    /// @param scratch  block_scratch() values
    BlockPass(const BlockPlan& plan, const SharedWeights& weights, const RotaryTable& rotary,
              std::int64_t hidden_size, std::int64_t tokens, std::span<float> scratch,
              const InputObserver& observe);

    /// @param hidden  in and out: tokens × hidden_size
    void run(std::span<float> hidden);
    /// The same up to the last site, whose output nobody needs.
    void run_to_last_site(std::span<float> hidden);

    // In steps: each sublayer has two sites, before its first and before its last layer.
    /// From the site before to this one.
    /// @param kept  tokens × kept_width(): in and out, what an attention has brought together
    void step(std::size_t site, std::span<float> hidden, std::span<float> kept);
    /// From the last site to the end of the block.
    void leave(std::span<float> hidden, std::span<const float> kept);
    void step_and_leave(std::span<float> hidden);

  private:
    const model::LinearLayer& layer(int index) const {
        return block_.layers[static_cast<std::size_t>(index)];
    }
    std::span<const float> input_of(const model::Sublayer& sublayer, std::span<float> hidden);
    /// What the last layer of a sublayer is given, in the scratch; of an attention a copy in
    /// `kept`, unless that is empty.
    std::span<const float> inner_of(const model::Sublayer& sublayer, std::span<const float> input,
                                    std::span<float> kept);
    std::span<float> attended(const model::AttentionLayer& layer, std::span<const float> input,
                              std::span<float> kept);
    std::span<float> activated(const model::MlpLayer& layer, std::span<const float> input);
    /// hidden += last layer(inner)
    void add_output(const model::Sublayer& sublayer, std::span<const float> inner,
                    std::span<float> hidden);
    std::span<const float> show_sublayer(std::size_t number, std::span<float> hidden);
    void leave_sublayer(const model::Sublayer& sublayer, std::span<float> hidden,
                        std::span<const float> kept);
    /// The scratch that normed inputs leave free.
    ScratchCutter behind_normed() const;
    void show(std::size_t site, std::span<const float> input, std::span<const float> hidden) const;

    const model::BlockDescription& block_;
    LayerWeights weights_;
    const RotaryTable& rotary_;
    std::int64_t tokens_;
    std::int64_t hidden_size_;
    std::span<float> scratch_;
    const InputObserver& observe_;
};

}  // namespace alphaprune::transformer
