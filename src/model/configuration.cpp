#include "alphaprune/model/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "alphaprune/model/family.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/message.hpp"
#include "choice/text_part.hpp"
#include "config_fields.hpp"
#include "position_fields.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<> kNoObject{
    "model.config-not-an-object", "the model's configuration is not a JSON object",
    "the file is not a config.json, or only a part of one",
    "use the config.json that was saved together with the weights"};
const support::BadRequest<std::int64_t, std::int64_t, std::string_view> kUnevenHeads{
    "model.uneven-heads", "num_attention_heads is {}, not a multiple of num_key_value_heads, {}{}",
    "each key and value head serves the same number of query heads",
    "correct that field, or use the config.json that was saved together with the weights"};
const support::BadRequest<std::int64_t, std::int64_t> kUnevenHeadSize{
    "model.uneven-head-size", "hidden_size is {}, not a multiple of num_attention_heads, {}",
    "without head_dim the heads divide the hidden state evenly",
    "correct that field, or use the config.json that was saved together with the weights"};

template <std::size_t N>
using Names = std::array<std::string_view, N>;

constexpr Names<1> kModelType{"model_type"};
constexpr Names<3> kHiddenSize{"hidden_size", "d_model", "n_embd"};
constexpr Names<4> kIntermediateSize{"intermediate_size", "ffn_dim", "n_inner", "d_ff"};
constexpr Names<4> kBlocks{"num_hidden_layers", "n_layer", "n_layers", "num_layers"};
constexpr Names<3> kHeads{"num_attention_heads", "n_head", "n_heads"};
constexpr Names<1> kKeyValueHeads{"num_key_value_heads"};
constexpr Names<1> kHeadSize{"head_dim"};
constexpr Names<1> kVocabulary{"vocab_size"};
constexpr Names<2> kMaxPositions{"max_position_embeddings", "n_positions"};
constexpr Names<1> kEmbeddingSize{"word_embed_proj_dim"};
constexpr Names<3> kNormEpsilon{"rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon"};
constexpr Names<3> kActivation{"hidden_act", "activation_function", "hidden_activation"};
/// Of a kind of model that is not known; the decoder's own come first.
constexpr Names<5> kExperts{"num_local_experts", "num_experts", "n_routed_experts",
                            "moe_num_experts", "num_routed_experts"};
constexpr Names<3> kWiderHiddenSize{"model_dim", "dim", "n_embed"};
constexpr Names<5> kWiderIntermediateSize{"decoder_ffn_dim", "ffn_hidden_size", "hidden_dim",
                                          "ffn_dim", "inner_dim"};
constexpr Names<5> kWiderBlocks{"num_decoder_layers", "decoder_layers", "num_transformer_layers",
                                "layers", "depth"};

/// Each block is looked at: a slip of some digits must not cost minutes.
constexpr std::int64_t kMaxBlocks = 100'000;

struct SizeField {
    FieldNames names;
    std::int64_t ModelConfiguration::*value;
    std::int64_t limit = kMaxSize;
};
constexpr std::array kRequiredSizes{
    SizeField{kHiddenSize, &ModelConfiguration::hidden_size},
    SizeField{kIntermediateSize, &ModelConfiguration::intermediate_size},
    SizeField{kBlocks, &ModelConfiguration::blocks, kMaxBlocks},
    SizeField{kHeads, &ModelConfiguration::heads},
    SizeField{kVocabulary, &ModelConfiguration::vocabulary},
};

struct FlagField {
    Names<1> name;
    bool ModelConfiguration::*value;
};
constexpr std::array kFlags{
    FlagField{{"tie_word_embeddings"}, &ModelConfiguration::tied_embeddings},
    FlagField{{"attention_bias"}, &ModelConfiguration::attention_bias},
    FlagField{{"mlp_bias"}, &ModelConfiguration::mlp_bias},
    FlagField{{"enable_bias"}, &ModelConfiguration::all_biases},
    FlagField{{"do_layer_norm_before"}, &ModelConfiguration::norm_before},
    FlagField{{"layer_norm_elementwise_affine"}, &ModelConfiguration::norm_affine},
    FlagField{{"_remove_final_layer_norm"}, &ModelConfiguration::final_norm_removed},
};

/// In a kind of model that is not known: the sizes under rarer names, those of the decoder of an
/// encoder and a decoder, and the kind of the part for text.
void read_unknown_kind(ConfigFields& fields, bool is_part, ModelConfiguration& model) {
    const auto read = [&](FieldNames decoder, FieldNames rare, std::int64_t& value) {
        if (const auto of_decoder = fields.size(decoder)) {
            value = *of_decoder;
        } else if (value == 0) {
            value = fields.size(rare).value_or(0);
        }
    };
    const auto decoder = [](const auto& names) { return FieldNames(names).first(1); };
    constexpr Names<2> kDecoderBlocks{"num_decoder_layers", "decoder_layers"};
    read(kDecoderBlocks, kWiderBlocks, model.blocks);
    read(decoder(kWiderIntermediateSize), kWiderIntermediateSize, model.intermediate_size);
    if (model.hidden_size == 0) {
        model.hidden_size = fields.size(kWiderHiddenSize).value_or(0);
    }
    model.experts = fields.size(kExperts).value_or(0);
    model.text_type = is_part ? fields.text(kModelType).value_or("") : "";
    model.is_part = is_part;
}

void read_sizes(ConfigFields& fields, ModelConfiguration& model) {
    for (const SizeField& field : kRequiredSizes) {
        model.*field.value = fields.size(field.names, field.limit).value_or(0);
        fields.require(field.names);
    }
}

/// Head counts and sizes, where absence and null mean different things.
void read_heads(ConfigFields& fields, const ConfigurationDefaults& defaults,
                ModelConfiguration& model) {
    const bool absent = fields.find(kKeyValueHeads) == nullptr;
    const std::int64_t fallback =
        absent && defaults.key_value_heads > 0 ? defaults.key_value_heads : model.heads;
    model.key_value_heads = fields.size(kKeyValueHeads).value_or(fallback);
    const auto head_size = fields.size(kHeadSize);
    if (model.heads > 0) {
        model.head_size = head_size.value_or(model.hidden_size / model.heads);
    }
}

void check_heads(const ConfigFields& fields, const std::string& where,
                 const ModelConfiguration& model, support::FaultList& faults) {
    if (model.heads == 0) {
        return;
    }
    if (model.heads % model.key_value_heads != 0) {
        const bool absent = fields.find(kKeyValueHeads) == nullptr;
        faults.add(kUnevenHeads(where, model.heads, model.key_value_heads,
                                absent ? " (the family's default)" : ""));
    }
    if (fields.is_absent(kHeadSize) && model.hidden_size % model.heads != 0) {
        faults.add(kUnevenHeadSize(where, model.hidden_size, model.heads));
    }
}

void read_rest(ConfigFields& fields, const ConfigurationDefaults& defaults,
               ModelConfiguration& model) {
    model.max_positions = fields.size(kMaxPositions).value_or(defaults.max_positions);
    model.embedding_size = fields.size(kEmbeddingSize).value_or(model.hidden_size);
    model.norm_epsilon = fields.positive(kNormEpsilon).value_or(defaults.norm_epsilon);
    model.activation = fields.text(kActivation).value_or(std::string(defaults.activation));
    model.tied_embeddings = defaults.tied_embeddings;
    for (const FlagField& field : kFlags) {
        model.*field.value = fields.flag(field.name).value_or(model.*field.value);
    }
}

std::string first_architecture(const formats::Json& config) {
    const formats::Json* names = config.find("architectures");
    if (names == nullptr || names->elements().empty()) {
        return {};
    }
    return names->elements().front().as_string().value_or("");
}

}  // namespace

std::optional<std::int64_t> ModelConfiguration::window_of(std::int64_t block) const {
    const bool full =
        std::binary_search(full_attention_blocks.begin(), full_attention_blocks.end(), block);
    return full ? std::nullopt : sliding_window;
}

ModelConfiguration read_configuration(const formats::Json& config, std::string_view where) {
    if (!config.is_object()) {
        throw kNoObject(std::string(where));
    }
    support::FaultList faults;
    ModelConfiguration model;
    model.model_type =
        ConfigFields(config, where, "", Reading::strict, faults).text(kModelType).value_or("");
    model.architecture = first_architecture(config);

    const Family* const family = family_of(model.model_type);
    const ConfigurationDefaults defaults =
        family != nullptr ? family->defaults : ConfigurationDefaults{};
    const Reading reading = family != nullptr ? Reading::strict : Reading::lenient;
    const formats::Json& part = family != nullptr ? config : text_part(config);

    ConfigFields fields(part, where, "", reading, faults);
    read_sizes(fields, model);
    if (family == nullptr) {
        read_unknown_kind(fields, &part != &config, model);
    }
    read_heads(fields, defaults, model);
    if (family != nullptr) {
        check_heads(fields, std::string(where), model, faults);
    }
    read_rest(fields, defaults, model);
    model.rope = read_rope(part, where, model.max_positions, reading, faults);
    read_window(part, where, defaults.window, faults, model);
    faults.throw_if_any();
    return model;
}

}  // namespace alphaprune::model
