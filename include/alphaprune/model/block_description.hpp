#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "alphaprune/model/configuration.hpp"
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
    bool unit_offset = false;  ///< the values are multiplied by 1 + weight (Gemma)
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
    double scale = 0;             ///< of queries times keys; 0: 1/√head_size
    double softcap = 0;           ///< scores ← softcap·tanh(scores/softcap); 0: none
    std::int64_t value_size = 0;  ///< of a head's value; 0: head_size
    /// scale·(q·k + slope·position of the key), the slope being the head's (ALiBi, arXiv
    /// 2108.12409). As in transformers, slope, position and their product are rounded to bfloat16.
    bool alibi = false;
};

/// Rotation of queries and keys by their positions (RoFormer, arXiv 2104.09864).
struct RotaryLayer {
    RopeParameters rope;
    std::int64_t size = 0;     ///< values of a head, from its first on, that are rotated
    bool interleaved = false;  ///< value 2i with 2i + 1; else i with i + size/2

    friend bool operator==(const RotaryLayer&, const RotaryLayer&) = default;
};

/// output(attention(query(x), key(x), value(x))).
struct AttentionLayer {
    int query = -1;
    int key = -1;
    int value = -1;
    int output = -1;
    AttentionShape shape;
    std::optional<RotaryLayer> rotary;
    /// Over each head, or over all of them together, before the rotation.
    std::optional<NormLayer> query_norm;
    std::optional<NormLayer> key_norm;
    /// Tensor: of each head, the score of one more column of the softmax, which has no value.
    int sinks = -1;
};

/// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): queries, and keys with values, come
/// from vectors of low rank. Of each head's query and key the last values are rotated; those of the
/// keys are the same for all heads.
struct LatentAttentionLayer {
    int query_down = -1;  ///< −1: query_up reads x
    std::optional<NormLayer> query_norm;
    int query_up = -1;         ///< to heads × head_size
    int key_value_down = -1;   ///< to the latent vector and, behind it, the keys' rotated values
    NormLayer key_value_norm;  ///< of the latent vector
    int key_value_up = -1;     ///< to heads × (head_size − rotated values + value_size)
    int output = -1;
    AttentionShape shape;
    RotaryLayer rotary;
};

/// GPT-OSS's way to join gate g and up u: g ← min(g, limit), u ← u between −limit and limit, and
/// then g · sigmoid(steepness · g) · (u + 1).
struct ClampedGate {
    double limit = 0;
    double steepness = 0;
};

/// down(activation(gate(x)) · up(x)), or down(activation(up(x))) without a gate.
struct MlpLayer {
    int gate = -1;
    int up = -1;
    int down = -1;
    std::string activation;                ///< as config.json names it
    std::optional<ClampedGate> clamped{};  ///< in place of the activation
};

/// How a router shares tokens out to experts: scores of all experts from W x, the best `chosen` of
/// them, and their weights.
struct Routing {
    enum class Scores {
        softmax,         ///< of all experts
        chosen_softmax,  ///< of those chosen
        sigmoid,
    };
    Scores scores = Scores::softmax;
    std::int64_t chosen = 0;   ///< experts of a token
    bool renormalize = false;  ///< the weights of a token's experts are made to add up to 1
    double multiplier = 1;     ///< of the weights
    // DeepSeek-V3's (arXiv 2412.19437): the choice is made by score + bias, among the experts of
    // those groups whose two best add up to most.
    int choice_bias = -1;  ///< tensor
    std::int64_t groups = 1;
    std::int64_t chosen_groups = 1;
};

/// A mixture of experts: Σ weight_e(x) · expert_e(x) over the experts that the router chose for x,
/// and what a shared expert adds for every token.
struct ExpertsLayer {
    int router = -1;  ///< experts × hidden size; stays dense
    Routing routing;
    std::vector<MlpLayer> experts;
    std::optional<MlpLayer> shared{};
    int shared_gate = -1;  ///< 1 × hidden size: the shared expert's output times its sigmoid
};

using SublayerBody = std::variant<AttentionLayer, LatentAttentionLayer, MlpLayer, ExpertsLayer>;

/// A residual branch: x ← x + multiplier · norm_output(body(norm_before(x))), and then
/// x ← norm_after(x).
struct Sublayer {
    std::optional<NormLayer> norm_before{};
    SublayerBody body{};
    std::optional<NormLayer> norm_after{};
    std::optional<NormLayer> norm_output{};
    double multiplier = 1;
    /// Reads the same x as the sublayer before it, to which the outputs of both are added: then
    /// that one is an attention, has no norms behind it and no multiplier, and this one is none.
    bool parallel = false;
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
    double embedding_multiplier = 1;   ///< of the embeddings of the tokens
    int position_table = -1;           ///< of learned positions
    std::int64_t position_offset = 0;  ///< the table's row that belongs to position 0
    int project_in = -1;               ///< where the embedding is not as wide as the blocks
    std::optional<NormLayer> final_norm;
    int project_out = -1;  ///< as project_in
    int head = -1;         ///< vocabulary × embedding width; not stored where it is tied
    double logits_multiplier = 1;
    double logits_softcap = 0;  ///< logits ← softcap·tanh(logits/softcap); 0: none
};

}  // namespace alphaprune::model
