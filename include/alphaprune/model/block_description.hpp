#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "alphaprune/model/output_pattern.hpp"

namespace alphaprune::model {

// The forward pass of a decoder block as data: a family puts it together (model/family.hpp), and
// whoever runs blocks executes it. Tensors and linear layers are referred to by their position in
// the lists of the description; −1 stands for none.

/// A tensor as the model's files hold it.
struct TensorSpec {
    std::string name;  ///< of a block's tensor: after "<prefix><number>."
    std::vector<std::int64_t> shape;
};

enum class NormKind { rms, layer };

/// Normalizes rows of `width` values. Without weight and bias it has no learned values.
struct NormLayer {
    NormKind kind{};
    double epsilon = 0;
    std::int64_t width = 0;
    int weight = -1;
    int bias = -1;
};

/// y = W x + b with W of rows (outputs) × cols (inputs). W is a tensor of its own or a slice of
/// one that holds several matrices: some outputs of a fused projection (queries, keys and values in
/// one tensor), of a tensor of three dimensions those of one expert. The slices of a tensor have
/// all of its outputs together, each once.
struct LinearLayer {
    int weight = -1;
    int bias = -1;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    /// Stored as inputs × outputs (GPT-2's Conv1D).
    bool transposed = false;
    /// Names the slice among those of its tensor ("q", "7.up"); empty: the whole tensor.
    std::string slice{};
    /// Which of the stored outputs are the layer's: of the matrix, and of the bias.
    OutputPattern pattern{};
    int expert = -1;  ///< that it belongs to, where a tensor [experts, …] has one matrix each
    bool prunable = true;  ///< routers and other small layers stay dense
};

/// The shape of causal self-attention; several query heads may share a key and value head.
struct AttentionShape {
    std::int64_t heads = 0;
    std::int64_t key_value_heads = 0;
    std::int64_t head_size = 0;
    /// How many tokens back, itself included, a token sees; nothing for all.
    std::optional<std::int64_t> window;
};

/// output(attention(query(x), key(x), value(x))).
struct AttentionLayer {
    int query = -1;
    int key = -1;
    int value = -1;
    int output = -1;
    AttentionShape shape;
    bool rotary = false;  ///< queries and keys are rotated by their positions
};

/// down(activation(gate(x)) · up(x)), or down(activation(up(x))) without a gate.
struct MlpLayer {
    int gate = -1;
    int up = -1;
    int down = -1;
    std::string activation;  ///< as config.json names it
};

/// A residual branch: x ← x + body(norm_before(x)), and then x ← norm_after(x).
struct Sublayer {
    std::optional<NormLayer> norm_before;
    std::variant<AttentionLayer, MlpLayer> body;
    std::optional<NormLayer> norm_after;
};

/// A decoder block.
struct BlockDescription {
    std::vector<TensorSpec> tensors;  ///< in the order of definition in transformers
    /// In the order of definition; the slices of a tensor one after another.
    std::vector<LinearLayer> layers;
    std::vector<Sublayer> sublayers;  ///< in the order in which they run
};

/// What stands around the blocks: embedding and head.
struct FrameDescription {
    std::vector<TensorSpec> tensors;   ///< full names, in the order of definition
    int before_blocks = 0;             ///< how many of them are defined before the blocks
    int embedding = -1;                ///< vocabulary × embedding width
    int position_table = -1;           ///< of learned positions
    std::int64_t position_offset = 0;  ///< the table's row that belongs to position 0
    int project_in = -1;               ///< where the embedding is not as wide as the blocks
    std::optional<NormLayer> final_norm;
    int project_out = -1;  ///< as project_in
    int head = -1;         ///< vocabulary × embedding width; not stored where it is tied
};

}  // namespace alphaprune::model
