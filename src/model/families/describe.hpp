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

/// Heads, sizes and window of a block's attention, as config.json has them.
AttentionShape attention_shape(const ModelConfiguration& model, std::int64_t block);

}  // namespace alphaprune::model::families
