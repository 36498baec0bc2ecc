#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace alphaprune::transformer {

enum class NormKind { rms, layer };
enum class Positions { rotary, learned };

/// How a family of models computes, in data: the pieces it is made of and what their tensors are
/// called, without ".weight" and ".bias". Whether a projection has a bias is read from the files.
struct ForwardFamily {
    /// Names in a block, after "<prefix><number>.".
    struct Block {
        std::string_view attention_norm;
        std::string_view query;
        std::string_view key;
        std::string_view value;
        std::string_view attention_out;
        std::string_view mlp_norm;
        std::string_view gate;  ///< empty: the mlp has no gate
        std::string_view up;
        std::string_view down;
    };

    NormKind norm{};
    Positions positions{};
    /// The row of the position table that belongs to position 0.
    std::int64_t position_offset = 0;
    Block block;
    std::string_view embedding;
    std::string_view position_table;  ///< learned positions only
    std::string_view project_in;      ///< used where the embedding is not as wide as the blocks
    std::string_view project_out;
    std::string_view final_norm;
    std::string_view head;
};

/// nullptr for a model type without a forward pass.
const ForwardFamily* forward_family_of(std::string_view model_type);

/// The model types that have one: "llama, mistral, qwen2, opt".
std::string forward_family_names();

}  // namespace alphaprune::transformer
