#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "alphaprune/model/configuration.hpp"

namespace alphaprune::model {

/// The sizes that the dimensions of a block's tensors are.
enum class PartSize { none, hidden, intermediate, queries, keys };

/// When a part of a block has a bias.
enum class PartBias { never, always, attention_flag, mlp_flag, enable_flag };

/// A linear map of a block (rows × cols), or a norm, which has no cols.
struct BlockPart {
    std::string_view name;  ///< after "<prefix><number>."
    PartSize rows{};
    PartSize cols{};
    PartBias bias{};
};

/// Parts of a family's blocks in the order of definition in transformers; nothing for a family that
/// is not known.
std::span<const BlockPart> block_parts_of(std::string_view model_type);

/// Whether a part has one in this model.
bool has_bias(PartBias bias, const ModelConfiguration& model);

}  // namespace alphaprune::model
