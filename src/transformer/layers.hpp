#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/model/block_description.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/team.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "block_math.hpp"
#include "product_inputs.hpp"
#include "product_tiles.hpp"
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

/// The weights of a description's layers, where they lie, and the team that works with them.
class LayerWeights {
  public:
    /// @param tensors  of each tensor described: index into Catalogue::tensors; outlives the
    ///                 object, as the others do
    /// @param packed   for products in bfloat16 of the layers that it has; nullptr: of none
    LayerWeights(const parallel::Team& team, const SharedWeights& weights,
                 std::span<const int> tensors, const PackedMath* packed = nullptr)
        : team_(team), weights_(weights), tensors_(tensors), packed_(packed) {}

    const parallel::Team& team() const { return team_; }

    // Run collectively by the team; inputs and outputs lie in its memory.
    /// As apply_norm.
    void run(const model::NormLayer& norm, std::span<const float> values,
             std::span<float> out) const;
    /// All of them at once: none reads what another one writes.
    void run(std::span<const Product> products) const;
    void run(const Product& product) const { run(std::span(&product, 1)); }
    /// Makes activations ready for multiply_tile() with these layers, one input each; equal ones
    /// are made ready once.
    struct Ready {
        ProductInputs inputs;
        std::vector<std::size_t> of_layer;
    };
    Ready make_ready(
        std::span<const std::pair<const model::LinearLayer*, std::span<const float>>> layers) const;

    // By this thread alone:
    /// As apply_norm.
    void apply(const model::NormLayer& norm, std::span<const float> values,
               std::span<float> out) const {
        apply_norm(norm, {this->values(norm.weight), this->values(norm.bias)}, values, out);
    }
    /// A tile of a product.
    /// @param input   which of the inputs, of all tokens
    /// @param out     the tile
    /// @param thread  that calls
    void multiply_tile(const model::LinearLayer& layer, const ProductInputs& inputs,
                       std::size_t input, const ProductTile& tile, bool add_to_it,
                       linalg::FloatView out, int thread) const;

    /// A described tensor's values; none for −1.
    std::span<const float> values(int described) const;
    /// What a described tensor has of a layer: outputs × inputs, or a bias.
    std::span<const float> of_layer(int described, const model::LinearLayer& layer) const;

  private:
    const parallel::Team& team_;
    const SharedWeights& weights_;
    std::span<const int> tensors_;
    const PackedMath* packed_;
};

/// Tokens of norms, rotations and sums that a thread takes at a time.
constexpr std::int64_t kTokenSlice = 64;

/// Embeddings of a sequence's tokens, projected to the width of the blocks and with the learned
/// positions added where the family has them; the team shares the tokens. Reads just the rows of
/// the tokens present. Collective over the team.
/// @param hidden  out: tokens.size() × hidden_size, in memory that the team shares
/// @throws Error on all ranks: a token outside the vocabulary, more tokens than positions,
///         unreadable weights
void embed(const parallel::Team& team, const ForwardPlan& plan, const model::RowSource& source,
           std::span<const std::int32_t> tokens, std::span<float> hidden);

}  // namespace alphaprune::transformer
