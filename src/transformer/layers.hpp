#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/model/block_description.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "shared_weights.hpp"

namespace alphaprune::transformer {

/// A norm's learned values; empty spans where it has none.
struct NormValues {
    std::span<const float> weights;
    std::span<const float> biases;
};

/// Each row of `values` normed by itself. RMS: x / √(mean x² + ε); layer: (x − mean) / √(variance +
/// ε), the variance divided by the count; then times the weights (or one more), plus the
/// biases.
/// @param values  rows of norm.width values, one after another
/// @param out     as long; may be the same memory
void apply_norm(const model::NormLayer& norm, const NormValues& learned,
                std::span<const float> values, std::span<float> out);

/// The weights of a description's layers, where they lie.
class LayerWeights {
  public:
    /// @param tensors  of each tensor described: index into Catalogue::tensors; outlives the object
    LayerWeights(const SharedWeights& weights, std::span<const int> tensors)
        : weights_(weights), tensors_(tensors) {}

    /// As apply_norm.
    void run(const model::NormLayer& norm, std::span<const float> values,
             std::span<float> out) const;
    /// out = input·Wᵀ + bias, added to what is there if asked for.
    void run(const model::LinearLayer& layer, std::span<const float> input, std::span<float> out,
             bool add_to_it = false) const;

    /// A described tensor's values; none for −1.
    std::span<const float> values(int described) const;
    /// What a described tensor has of a layer: outputs × inputs, or a bias.
    std::span<const float> of_layer(int described, const model::LinearLayer& layer) const;

  private:
    const SharedWeights& weights_;
    std::span<const int> tensors_;
};

/// Token embeddings of one sequence, projected to the width of the blocks and with the learned
/// positions added where the family has them. Reads just the rows of the tokens present.
/// @param hidden  out: tokens.size() × hidden_size
/// @throws Error: a token outside the vocabulary, more tokens than positions, unreadable weights
void embed_tokens(const ForwardPlan& plan, const model::RowSource& source,
                  std::span<const std::int32_t> tokens, std::span<float> hidden);

}  // namespace alphaprune::transformer
