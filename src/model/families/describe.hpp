#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/family.hpp"

namespace alphaprune::model::families {

// What families put their descriptions together from. Tensors are added in the order of definition
// in transformers.

/// @return its position in the list
int add_tensor(std::vector<TensorSpec>& tensors, std::string name, std::vector<std::int64_t> shape);

/// What the norms of a family have in common.
struct NormStyle {
    NormKind kind = NormKind::rms;
    bool bias = false;
    bool unit_offset = false;
};
inline constexpr NormStyle kRmsNorm{};
inline constexpr NormStyle kLayerNorm{NormKind::layer, true, false};

/// "<name>.weight" and perhaps "<name>.bias"; no tensors where config.json takes its learned values
/// away.
/// @param width  values that are normed together; 0: the hidden state
NormLayer add_norm(std::vector<TensorSpec>& tensors, const ModelConfiguration& model,
                   const NormStyle& style, std::string_view name, std::int64_t width = 0);

/// A prunable linear layer: "<name>.weight", rows × cols, and perhaps "<name>.bias".
/// @return its position in the block's layers
int add_linear(BlockDescription& block, std::string_view name, std::int64_t rows, std::int64_t cols,
               bool bias);

/// A linear layer among those that one tensor holds.
struct LayerSlice {
    std::string name;  ///< "q"; empty: of an expert, which it has for itself
    OutputPattern pattern{};
    std::int64_t rows = 0;
};

/// Prunable linear layers that share "<name>.weight", rows × cols or, transposed, cols × rows, and
/// perhaps "<name>.bias". Together the slices have each of the rows once.
/// @return the position of the first slice in the block's layers, the others coming next
int add_fused_linear(BlockDescription& block, std::string_view name, std::int64_t rows,
                     std::int64_t cols, bool bias, const std::vector<LayerSlice>& slices,
                     bool transposed = false);

/// Prunable linear layers of experts that share a tensor `weight`, [experts, rows, cols] or,
/// transposed, [experts, cols, rows], and, unless its name is empty, a tensor `bias`, [experts,
/// rows]. The slices are those of each expert.
/// @return the position of the first slice of the first expert, the others coming next, expert
///         after expert
int add_expert_linears(BlockDescription& block, std::string weight, std::string bias,
                       std::int64_t experts, std::int64_t rows, std::int64_t cols,
                       const std::vector<LayerSlice>& slices, bool transposed = false);

/// "<name>.weight" with the queries, keys and values of an attention, group after group: those of a
/// key and value head, the query heads that share it, then its key, then its value. With as many of
/// them as query heads, these are interleaved head by head; with one, all queries come first.
/// @return the position of the queries in the block's layers; keys and values come next
int add_grouped_heads(BlockDescription& block, std::string_view name,
                      const ModelConfiguration& model, bool bias);

/// Heads, sizes, window, scale and cap of a block's attention, as config.json has them.
AttentionShape attention_shape(const ModelConfiguration& model, std::int64_t block);
/// The rotation of its queries and keys.
RotaryLayer rotary_layer(const ModelConfiguration& model, std::int64_t block);

/// Which linear layers of an attention have a bias.
struct AttentionBiases {
    bool query_key_value = false;
    bool output = false;
};

/// LLaMA's attention, self_attn.{q,k,v,o}_proj, rotated.
AttentionLayer add_attention(BlockDescription& made, const ModelConfiguration& model,
                             std::int64_t block, const AttentionBiases& biases = {});
/// LLaMA's MLP, mlp.{gate,up,down}_proj.
MlpLayer add_gated_mlp(BlockDescription& made, const ModelConfiguration& model, bool bias = false);

/// An MLP without a gate, of layers of those names.
MlpLayer add_plain_mlp(BlockDescription& made, const ModelConfiguration& model, bool bias,
                       std::string_view up, std::string_view down);

/// Adds norms of each head's queries and keys, self_attn.q_norm and self_attn.k_norm.
void add_head_norms(BlockDescription& made, const ModelConfiguration& model, const NormStyle& style,
                    AttentionLayer& attention);
/// A gated MLP of that size: "<name>.gate_proj.weight" and so on.
MlpLayer add_gated_mlp(BlockDescription& made, const ModelConfiguration& model, bool bias,
                       std::string_view name, std::int64_t inner);
/// A layer that stays dense, such as a router.
int add_dense_linear(BlockDescription& made, std::string_view name, std::int64_t rows,
                     std::int64_t cols, bool bias);

/// What the parts of a mixture of experts are called. An expert's matrices are
/// "<experts>.<number>.<gate>.weight" and so on.
struct ExpertNames {
    std::string_view router;
    std::string_view experts;
    std::string_view gate = "gate_proj";
    std::string_view up = "up_proj";
    std::string_view down = "down_proj";
    bool down_before_up = false;  ///< the order of definition
};

/// Experts with their router: a tensor per matrix, or as transformers 5 has them in memory and
/// writes them on request, all in mlp.experts.gate_up_proj and mlp.experts.down_proj beside
/// mlp.gate, whatever the family's names (ModelConfiguration::expert_storage).
ExpertsLayer add_experts(BlockDescription& made, const ModelConfiguration& model,
                         const ExpertNames& names);

/// How two tensors hold all experts of a block.
struct FusedExperts {
    bool transposed = false;   ///< [experts, inputs, outputs] instead of [experts, outputs, inputs]
    bool interleaved = false;  ///< gate and up take turns; else the gate comes first
    bool biases = false;       ///< "…_bias", [experts, outputs]
};
/// Appends such experts.
void add_fused_experts(BlockDescription& made, const ModelConfiguration& model,
                       const FusedExperts& fused, ExpertsLayer& layer);
/// Reads how many experts there are, how many a token has, their size, whether weights are
/// renormalized, and which blocks are dense, as Qwen's and Mixtral's configurations say it.
/// @param usual  what is assumed where config.json is silent
void read_expert_fields(ConfigFields& fields, ModelConfiguration& model,
                        const ModelConfiguration& usual);

/// For families whose heads divide the hidden state and have a key and a value each, whatever
/// head_dim and num_key_value_heads say.
void read_plain_heads(ConfigFields& fields, ModelConfiguration& model);

/// The usual two sublayers, behind the norms input_layernorm and post_attention_layernorm.
void add_sublayers(BlockDescription& made, const ModelConfiguration& model, const NormStyle& style,
                   SublayerBody attention, SublayerBody body);

/// LLaMA's block: RMS norms before attention and gated MLP, rotary positions.
BlockDescription describe_llama_block(const ModelConfiguration& model, std::int64_t block,
                                      const AttentionBiases& biases, bool mlp_bias = false);

/// What the parts around the blocks are called.
struct FrameNames {
    std::string_view embedding = "model.embed_tokens.weight";
    std::string_view norm = "model.norm";
    std::string_view head = "lm_head.weight";
};

/// What stands around the blocks where positions are not learned; named as LLaMA's where nothing
/// else is said.
FrameDescription describe_frame(const ModelConfiguration& model, const NormStyle& style,
                                const FrameNames& names = {});

/// Completes a family whose tensors are named as LLaMA's: the prefixes, and where they are not
/// given, frame and fields of configurations.
Family named_as_llama(Family family);

/// The norm of Gemma's models.
inline constexpr NormStyle kGemmaNorm{NormKind::rms, false, true};
/// Gemma's block from the second generation on: each sublayer has a norm before and one of its
/// output.
BlockDescription describe_gemma_block(const ModelConfiguration& model, std::int64_t block,
                                      bool norm_heads);
FrameDescription describe_gemma_frame(const ModelConfiguration& model);
/// Fields that Gemma's configurations share.
void read_gemma_fields(ConfigFields& fields, ModelConfiguration& model);

}  // namespace alphaprune::model::families
