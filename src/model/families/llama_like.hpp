#pragma once

#include <cstdint>

#include "alphaprune/model/family.hpp"

namespace alphaprune::model::families {

/// Which linear layers of a block have a bias: the only thing in which the blocks of these families
/// differ.
struct LlamaBiases {
    bool query_key_value = false;
    bool attention_output = false;
    bool mlp = false;
};

/// RMS norms before attention and gated MLP, rotary positions.
BlockDescription describe_llama_block(const ModelConfiguration& model, std::int64_t block,
                                      const LlamaBiases& biases);

/// A family of such blocks.
Family llama_like(std::string_view name, const ConfigurationDefaults& defaults,
                  std::span<const NamedShape> shapes,
                  BlockDescription (*describe_block)(const ModelConfiguration&, std::int64_t));

}  // namespace alphaprune::model::families
