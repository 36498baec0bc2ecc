#pragma once

#include <vector>

#include "activation.hpp"
#include "aligned_floats.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/transformer/shared_weights.hpp"
#include "attention.hpp"
#include "model_tensors.hpp"
#include "norm.hpp"
#include "rotary.hpp"

namespace alphaprune::transformer {

/// What a Transformer knows of its model, and the scratch that its passes use one after another.
struct ForwardPlan {
    const model::Catalogue* catalogue = nullptr;
    const ForwardFamily* family = nullptr;
    Activation activation = nullptr;
    std::vector<BlockTensors> blocks;
    InputTensors input;
    HeadTensors head;
    std::vector<bool> used;  ///< which of the catalogue's tensors all this is made of
    RotaryTable rotary;
    AlignedFloats scratch;

    const model::ModelConfiguration& configuration() const { return catalogue->configuration; }
    const model::TensorInfo& tensor(int index) const {
        return catalogue->tensors[static_cast<std::size_t>(index)];
    }
};

/// @throws Error (bad_request) with everything that stands in the way of running the blocks
ForwardPlan make_forward_plan(const model::Catalogue& catalogue);

/// How the heads of a block attend.
Attention attention_of(const ForwardPlan& plan, int block);

/// A norm over rows of hidden_size values; out may be the same memory.
void run_norm(const ForwardPlan& plan, const Norm& norm, const SharedWeights& weights,
              std::span<const float> values, std::span<float> out);

}  // namespace alphaprune::transformer
