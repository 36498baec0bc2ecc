#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/model/block_description.hpp"
#include "routing.hpp"

namespace alphaprune::transformer {

/// out = input·Wᵀ + bias, added to what is there if asked for.
struct Product {
    const model::LinearLayer& layer;
    std::span<const float> input;  ///< tokens × layer.cols
    std::span<float> out;          ///< tokens × layer.rows
    bool add_to_it = false;
};

/// An MLP, or an expert, over some tokens.
struct MlpWork {
    const model::MlpLayer& mlp;
    std::span<const float> input;  ///< tokens × hidden size
    std::span<float> inner;        ///< out: what the last layer is given, tokens × its inputs
};

/// Heads of all tokens of a sequence, the first of which stands at position 0.
struct Heads {
    std::span<float> values;  ///< tokens × heads × head_size
    std::int64_t tokens = 0;
    std::int64_t heads = 0;
    std::int64_t first = 0;  ///< of each head's values that are rotated
};

/// What attention works on: tokens × (heads × head_size) each, key and value with key_value_heads,
/// value and out with value_size.
struct AttentionWork {
    const model::AttentionShape& shape;
    std::int64_t tokens = 0;
    std::span<const float> query;
    std::span<const float> key;
    std::span<const float> value;
    std::span<float> out;
    int sinks = -1;  ///< AttentionLayer::sinks
};

/// Of each row of `to` some columns become columns of the row r / repeat of `from`, r being its
/// number.
struct ColumnCopy {
    std::span<const float> from;
    std::int64_t from_width = 0;  ///< of a row
    std::int64_t from_first = 0;  ///< column
    std::span<float> to;
    std::int64_t to_width = 0;
    std::int64_t to_first = 0;
    std::int64_t columns = 0;
    std::int64_t repeat = 1;
};

/// Some tokens' rows of a matrix.
struct TokenRows {
    std::span<const std::int32_t> tokens;
    std::span<float> rows;  ///< tokens × width
};

/// What an expert has made of its tokens.
struct ExpertOutput {
    const RoutedTokens& routed;
    std::span<float> rows;  ///< tokens × width; may be changed
};

/// The operations that a pass over a block is made of, on whatever hardware. The spans are of
/// memory that the operations alone look into.
class BlockMath {
  public:
    virtual ~BlockMath() = default;

    /// Rows of norm.width values, each normed by itself. RMS: x / √(mean x² + ε); layer: (x −
    /// mean) / √(variance + ε), the variance divided by the count; then times the weights (or one
    /// more), plus the biases. @param out  as long; may be the same memory
    virtual void norm(const model::NormLayer& norm, std::span<const float> values,
                      std::span<float> out) = 0;
    /// All of them at once: none reads what another one writes.
    virtual void multiply(std::span<const Product> products) = 0;
    void multiply(const Product& product) { multiply(std::span(&product, 1)); }
    /// All of them at once.
    virtual void run_mlps(std::span<const MlpWork> works) = 0;
    /// Turns values of heads by their positions.
    virtual void rotate(const model::RotaryLayer& rotary, const Heads& heads) = 0;
    /// out = softmax(scale·(Q Kᵀ + ALiBi), capped and masked) V.
    virtual void attend(const AttentionWork& work) = 0;

    virtual void copy(std::span<const float> from, std::span<float> to) = 0;
    virtual void copy_columns(const ColumnCopy& work) = 0;
    virtual void clear(std::span<float> values) = 0;
    /// sum ← sum + factor·added. @param added  may be changed
    virtual void add(std::span<float> sum, std::span<float> added, double factor) = 0;

    /// What a router makes of its logits, tokens × experts: see transformer::route().
    virtual std::vector<RoutedTokens> route(const model::ExpertsLayer& experts, std::int64_t count,
                                            std::span<const float> logits) = 0;
    /// Rows of `from`, each of `width` values.
    virtual void gather(std::span<const float> from, std::int64_t width,
                        std::span<const TokenRows> to) = 0;
    /// Row by row of `sum`, of `width` values: experts add in their order, times their weights.
    virtual void add_experts(std::span<const ExpertOutput> experts, std::int64_t width,
                             std::span<float> sum) = 0;
    /// sum ← sum + values, row i times the sigmoid of gates[i]; without gates as it is.
    /// @param values  may be changed
    virtual void add_gated(std::span<float> sum, std::span<float> values, std::int64_t width,
                           std::span<const float> gates) = 0;

    /// What has been shown to an observer may be written over from now on.
    virtual void sync() = 0;
};

}  // namespace alphaprune::transformer
