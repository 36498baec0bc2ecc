#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "alphaprune/model/block_description.hpp"
#include "alphaprune/model/configuration.hpp"
#include "alphaprune/model/named_shape.hpp"

namespace alphaprune::model {

/// How a family decides which blocks see only the last tokens of a sequence.
enum class WindowRule {
    none,        ///< there are no windows
    always,      ///< in every block, unless sliding_window is null
    on_request,  ///< with use_sliding_window, from block max_window_layers on or as layer_types
                 ///< says
};

/// What transformers assumes in a family where config.json leaves a field out; as constructed, for
/// a kind of model that is not known.
struct ConfigurationDefaults {
    std::int64_t key_value_heads = 0;  ///< 0: as many as heads
    std::int64_t max_positions = 0;
    double norm_epsilon = 1e-5;
    std::string_view activation;
    bool tied_embeddings = false;
    WindowRule window = WindowRule::none;
};

/// All that the program knows of a family of models. Each has a file of its own in
/// src/model/families.
struct Family {
    std::string_view name;  ///< also config.json's model_type
    /// Start of every name but the head's, which checkpoints of the bare model leave out.
    std::string_view base_prefix;
    std::string_view block_prefix;  ///< base_prefix and what stands before the block number
    ConfigurationDefaults defaults;
    std::span<const NamedShape> shapes;  ///< its models that go by short names
    BlockDescription (*describe_block)(const ModelConfiguration& model, std::int64_t block);
    FrameDescription (*describe_frame)(const ModelConfiguration& model);
    /// What config.json says of one of the shapes beside the sizes that all families have.
    formats::Json::Object (*configuration_fields)(const NamedShape& shape) = nullptr;
};

/// All families the program knows by name.
std::span<const Family* const> all_families();

/// Their names: "llama, mistral, …".
std::string family_names();

/// nullptr for an unknown model type.
const Family* family_of(std::string_view model_type);

}  // namespace alphaprune::model
