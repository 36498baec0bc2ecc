#pragma once

#include <span>
#include <string_view>

#include "alphaprune/model/configuration.hpp"

namespace alphaprune::model {

/// Where a family of models keeps its decoder blocks and which matrices of a block are prunable,
/// in the order of definition in the Hugging Face model.
struct Family {
    std::string_view name;        ///< llama, mistral, qwen2, opt
    std::string_view model_type;  ///< config.json's model_type
    /// Start of every name but the head's, which checkpoints of the bare model leave out.
    std::string_view base_prefix;
    std::string_view block_prefix;  ///< base_prefix and what stands before the block number
    std::span<const std::string_view> matrices;  ///< names after "<prefix><number>."
};

/// All families the program knows by name.
std::span<const Family> families();

/// nullptr for an unknown model type.
const Family* family_of(std::string_view model_type);

/// Whether a linear layer of the family's blocks has a bias: by the family alone, or by a flag of
/// config.json (attention_bias, mlp_bias, enable_bias), as in transformers.
/// @param layer  its name after "<prefix><number>.", such as "self_attn.q_proj"
bool has_bias(const ModelConfiguration& model, std::string_view layer);

}  // namespace alphaprune::model
