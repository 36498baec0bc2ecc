#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "alphaprune/model/block_description.hpp"
#include "layers.hpp"
#include "routing.hpp"
#include "scratch_cutter.hpp"

namespace alphaprune::transformer {

/// Values of scratch for an MLP over so many tokens.
std::int64_t mlp_scratch(const model::BlockDescription& block, const model::MlpLayer& mlp,
                         std::int64_t tokens);

/// What the last layer of an MLP is given, in the scratch: tokens × its inputs.
/// @param input  tokens × hidden size
std::span<const float> mlp_inner(const LayerWeights& weights, const model::BlockDescription& block,
                                 const model::MlpLayer& mlp, std::span<const float> input,
                                 ScratchCutter scratch);

/// A mixture of experts over one sequence.
class ExpertsPass {
  public:
    /// Values of scratch over so many tokens.
    static std::int64_t scratch(const model::BlockDescription& block,
                                const model::ExpertsLayer& experts, std::int64_t tokens);

    /// Routes the tokens. All arguments outlive the object.
    /// @param input  tokens × hidden size
    ExpertsPass(const LayerWeights& weights, const model::BlockDescription& block,
                const model::ExpertsLayer& experts, std::span<const float> input,
                ScratchCutter scratch);

    /// The tokens that an expert sees, ascending. @param expert  −1: the shared one; it sees all
    std::span<const std::int32_t> tokens(int expert) const;
    /// Their inputs, one after another, until the next call.
    std::span<const float> input(int expert);
    /// What the expert's last layer is given for them, until the next call.
    std::span<const float> inner(int expert);

    /// Is shown, for each expert, what its first layers are given and then what its last is.
    using Show = std::function<void(int expert, std::span<const float> values)>;
    /// tokens × hidden size: what all experts add up to.
    std::span<const float> mix(const Show& show);

  private:
    void add_expert(int expert, std::span<const float> inner);
    void add_shared(std::span<const float> inner);

    const LayerWeights& weights_;
    const model::BlockDescription& block_;
    const model::ExpertsLayer& experts_;
    std::span<const float> input_;
    std::int64_t hidden_;
    std::vector<RoutedTokens> routed_;
    std::vector<std::int32_t> all_;
    std::span<float> gathered_;
    std::span<float> out_;
    std::span<float> mixed_;
    std::span<float> gate_;
    ScratchCutter rest_;
};

}  // namespace alphaprune::transformer
