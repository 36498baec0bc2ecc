#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

#include "alphaprune/transformer/transformer.hpp"
#include "forward_plan.hpp"

namespace alphaprune::transformer {

/// Values of scratch that a pass over a sequence needs.
std::int64_t block_scratch(const ForwardPlan& plan, std::int64_t tokens);

/// One block over one sequence: attention and mlp, each added to what came in, with the norm before
/// or after.
class BlockPass {
  public:
    /// @param scratch  block_scratch() values
    BlockPass(const ForwardPlan& plan, int block, const SharedWeights& weights, std::int64_t tokens,
              std::span<float> scratch, const InputObserver& observe);

    /// @param hidden  in and out: tokens × hidden_size
    void run(std::span<float> hidden);

  private:
    void attend_and_add(std::span<float> hidden);
    void mlp_and_add(std::span<float> hidden);
    /// The input of the first projections after a norm: the hidden states where the norm comes
    /// after.
    std::span<const float> normed(const Norm& norm, std::span<const float> hidden);
    void norm_after(const Norm& norm, std::span<float> hidden);
    /// out = input·Wᵀ + bias, added to what is there if asked for.
    void project(const Projection& projection, std::span<const float> input, std::span<float> out,
                 bool add_to_it = false) const;
    /// The inner values of the mlp: what its last projection is given.
    void fill_inner(std::span<const float> input, std::span<float> inner,
                    std::span<float> tile) const;
    void tell(std::initializer_list<const Projection*> projections,
              std::span<const float> input) const;

    const ForwardPlan& plan_;
    const BlockTensors& block_;
    Attention attention_;
    const SharedWeights& weights_;
    std::int64_t tokens_;
    const InputObserver& observe_;
    std::span<float> normed_;
    std::span<float> rest_;
};

}  // namespace alphaprune::transformer
