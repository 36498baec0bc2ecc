#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "alphaprune/model/block_description.hpp"
#include "alphaprune/model/configuration.hpp"

namespace alphaprune::model {

class ConfigFields;

/// What the models of one release have in common.
struct ModelSeries {
    std::string_view model_type;    ///< config.json's
    std::string_view architecture;  ///< config.json's
    std::string_view stored_type;   ///< config.json's torch_dtype
    std::int64_t vocabulary = 0;
    std::int64_t max_positions = 0;
    double rope_theta = 0;    ///< 0: learned positions
    std::string_view more{};  ///< members of config.json besides, in place of usual ones or new
};

/// The public architecture of a model that goes by a short name.
struct NamedShape {
    std::string_view name;        ///< "llama2-70b"
    std::string_view alias;       ///< another name, such as "70b"; may be empty
    std::string_view repository;  ///< where it is published: ORG/NAME
    const ModelSeries* series = nullptr;
    std::int64_t hidden = 0;
    std::int64_t intermediate = 0;
    std::int64_t blocks = 0;
    std::int64_t heads = 0;
    std::int64_t key_value_heads = 0;
    double norm_epsilon = 0;
    std::string_view more{};  ///< as in the series; goes before those
};

/// How a family decides which blocks see only the last tokens of a sequence.
enum class WindowRule {
    none,            ///< there are no windows
    always,          ///< in every block, unless sliding_window is null
    on_request,      ///< with use_sliding_window, from block max_window_layers on or as layer_types
                     ///< says
    all_on_request,  ///< with use_sliding_window, in every block
    patterned,       ///< as layer_types says, or in all blocks but every sliding_window_pattern-th
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
    std::int64_t sliding_window = 4096;  ///< where the field is absent; 0: no window then
    std::int64_t window_pattern = 0;     ///< of patterned windows
    std::int64_t head_size = 0;          ///< 0: hidden size / heads
    double rope_theta = 10000;
    double rotary_share = 1;  ///< of a head's values that are rotated
    /// The inner size of the MLP, where config.json may leave it out: as a multiple of the hidden
    /// size; 0: it must be there.
    std::int64_t inner_per_hidden = 0;
};

/// All that the program knows of a family of models. Each has a file of its own in
/// src/model/families.
struct Family {
    std::string_view name;  ///< also config.json's model_type
    /// Other model types with these blocks: of parts for text in larger models, of derived code.
    std::span<const std::string_view> also{};
    /// Start of every name but the head's, which checkpoints of the bare model leave out.
    std::string_view base_prefix{};
    std::string_view block_prefix{};  ///< base_prefix and what stands before the block number
    ConfigurationDefaults defaults{};
    std::span<const NamedShape> shapes{};  ///< its models that go by short names
    BlockDescription (*describe_block)(const ModelConfiguration& model,
                                       std::int64_t block) = nullptr;
    FrameDescription (*describe_frame)(const ModelConfiguration& model) = nullptr;
    /// What config.json says of one of the shapes beside the sizes that all families have.
    formats::Json::Object (*configuration_fields)(const NamedShape& shape) = nullptr;
    /// Reads what config.json says in words of the family's own.
    void (*read_own_fields)(ConfigFields& fields, ModelConfiguration& model) = nullptr;
};

/// All families the program knows by name.
std::span<const Family* const> all_families();

/// Their names: "llama, mistral, …".
std::string family_names();

/// nullptr for an unknown model type.
const Family* family_of(std::string_view model_type);

/// The family of the model's language model, which may be a part of it; nullptr for none that is
/// known by name.
const Family* family_of(const ModelConfiguration& model);

/// All named shapes, in the order in which --help lists them.
std::span<const NamedShape> named_shapes();

/// By name or alias, in letters of either case; nullptr when there is none.
const NamedShape* shape_named(std::string_view name);

/// The config.json of such a model.
std::string configuration_text_of(const NamedShape& shape);

}  // namespace alphaprune::model
