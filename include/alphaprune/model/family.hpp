#pragma once

#include <span>
#include <string_view>

namespace alphaprune {

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

}  // namespace alphaprune
