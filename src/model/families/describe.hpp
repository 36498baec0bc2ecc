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

/// A norm over the hidden state: "<name>.weight" and, of a layer norm, "<name>.bias"; no tensors
/// where config.json takes its learned values away.
NormLayer add_norm(std::vector<TensorSpec>& tensors, const ModelConfiguration& model, NormKind kind,
                   std::string_view name);

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

/// Heads, sizes and window of a block's attention, as config.json has them.
AttentionShape attention_shape(const ModelConfiguration& model, std::int64_t block);

/// Which linear layers of a block have a bias: the only thing in which the blocks of LLaMA's
/// relatives differ.
struct LlamaBiases {
    bool query_key_value = false;
    bool attention_output = false;
    bool mlp = false;
};

/// LLaMA's block: RMS norms before attention and gated MLP, rotary positions.
BlockDescription describe_llama_block(const ModelConfiguration& model, std::int64_t block,
                                      const LlamaBiases& biases);

/// A family of such blocks.
Family llama_like(std::string_view name, const ConfigurationDefaults& defaults,
                  std::span<const NamedShape> shapes,
                  BlockDescription (*describe_block)(const ModelConfiguration&, std::int64_t));

}  // namespace alphaprune::model::families
