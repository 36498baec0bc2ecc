#include "alphaprune/model/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "alphaprune/model/family.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/message.hpp"
#include "config_fields.hpp"

namespace alphaprune::model {
namespace {

const support::BadRequest<> kNoObject{
    "model.config-not-an-object", "the model's configuration is not a JSON object",
    "the file is not a config.json, or only a part of one",
    "use the config.json that was saved together with the weights"};
const support::BadRequest<std::string_view, std::int64_t, std::string_view, std::int64_t,
                          std::string_view>
    kUnevenHeads{
        "model.uneven-heads", "{} is {}, not a multiple of {}, {}{}",
        "each key and value head serves the same number of query heads, and without head_dim the "
        "heads divide the hidden state evenly",
        "correct that field, or use the config.json that was saved together with the weights"};

/// Each block is looked at: a slip of some digits must not cost minutes.
constexpr std::int64_t kMaxBlocks = 100'000;

/// In a kind of model that is not known: the sizes under rarer names, and those of the decoder of
/// an encoder and a decoder.
void read_unknown_kind(ConfigFields& fields, ModelConfiguration& model) {
    const auto read = [&](FieldNames decoder, FieldNames rare, std::int64_t& value) {
        if (const auto of_decoder = fields.size(decoder)) {
            value = *of_decoder;
        } else if (value == 0) {
            value = fields.size(rare).value_or(0);
        }
    };
    read({"num_decoder_layers", "decoder_layers"},
         {"num_decoder_layers", "decoder_layers", "num_transformer_layers", "layers", "depth"},
         model.blocks);
    read({"decoder_ffn_dim"},
         {"decoder_ffn_dim", "ffn_hidden_size", "hidden_dim", "ffn_dim", "inner_dim"},
         model.intermediate_size);
    read({}, {"model_dim", "dim", "n_embed"}, model.hidden_size);
    model.experts = fields
                        .size({"num_local_experts", "num_experts", "n_routed_experts",
                               "moe_num_experts", "num_routed_experts"})
                        .value_or(0);
}

/// @param usual  where config.json need not say them
void read_sizes(ConfigFields& fields, const ConfigurationDefaults& defaults,
                const UsualSizes& usual, ModelConfiguration& model) {
    const auto read = [&](FieldNames names, std::int64_t otherwise, std::int64_t limit = kMaxSize) {
        if (otherwise == 0) {
            fields.require(names);
        }
        return fields.size(names, limit).value_or(otherwise);
    };
    model.hidden_size = read({"hidden_size", "d_model", "n_embd"}, usual.hidden_size);
    const std::int64_t inner = defaults.inner_per_hidden > 0
                                   ? defaults.inner_per_hidden * model.hidden_size
                                   : usual.intermediate_size;
    model.intermediate_size =
        read({"intermediate_size", "ffn_dim", "n_inner", "d_ff", "ffn_hidden_size"}, inner);
    model.blocks =
        read({"num_hidden_layers", "n_layer", "n_layers", "num_layers"}, usual.blocks, kMaxBlocks);
    model.heads = read({"num_attention_heads", "n_head", "n_heads"}, usual.heads);
    model.vocabulary = read({"vocab_size"}, usual.vocabulary);
}

bool is_true(const formats::Json& object, std::string_view name) {
    const formats::Json* value = object.find(name);
    return value != nullptr && value->as_bool().value_or(false);
}

/// The object that describes the language model, and what kind of model that is.
const formats::Json& find_language_model(const formats::Json& config, ConfigFields& outer,
                                         ModelConfiguration& model) {
    model.model_type = outer.text({"model_type"}).value_or("");
    const Family* const family = family_of(model.model_type);
    const bool is_plain = family != nullptr && family->name == model.model_type;
    const formats::Json& part = is_plain ? config : text_part(config);
    model.is_part = &part != &config;
    if (model.is_part) {
        const formats::Json* type = part.find("model_type");
        model.text_type = type != nullptr ? type->as_string().value_or("") : "";
    }
    model.cross_attention = !is_plain && (is_true(config, "is_encoder_decoder") ||
                                          is_true(part, "add_cross_attention"));
    return part;
}

/// Head counts and sizes, where absence and null mean different things.
void read_heads(ConfigFields& fields, const ConfigurationDefaults& defaults,
                ModelConfiguration& model) {
    const bool absent = fields.find({"num_key_value_heads"}) == nullptr;
    const std::int64_t fallback =
        absent && defaults.key_value_heads > 0 ? defaults.key_value_heads : model.heads;
    model.key_value_heads = fields.size({"num_key_value_heads"}).value_or(fallback);
    const auto head_size = fields.size({"head_dim"});
    if (model.heads > 0) {
        model.head_size = head_size.value_or(
            defaults.head_size > 0 ? defaults.head_size : model.hidden_size / model.heads);
    }
}

void check_heads(const ConfigFields& fields, const std::string& where,
                 const ModelConfiguration& model, support::FaultList& faults) {
    if (model.heads == 0) {
        return;
    }
    if (model.heads % model.key_value_heads != 0) {
        const bool absent = fields.find({"num_key_value_heads"}) == nullptr;
        faults.add(kUnevenHeads(where, "num_attention_heads", model.heads, "num_key_value_heads",
                                model.key_value_heads, absent ? " (the family's default)" : ""));
    }
    if (fields.is_absent({"head_dim"}) && model.hidden_size % model.heads != 0) {
        faults.add(kUnevenHeads(where, "hidden_size", model.hidden_size, "num_attention_heads",
                                model.heads, ""));
    }
}

void read_rest(ConfigFields& fields, const ConfigurationDefaults& defaults,
               ModelConfiguration& model) {
    model.max_positions =
        fields.size({"max_position_embeddings", "n_positions"}).value_or(defaults.max_positions);
    model.embedding_size = fields.size({"word_embed_proj_dim"}).value_or(model.hidden_size);
    model.norm_epsilon =
        fields.positive({"rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"})
            .value_or(defaults.norm_epsilon);
    model.activation = fields.text({"hidden_act", "activation_function", "hidden_activation"})
                           .value_or(std::string(defaults.activation));
    model.tied_embeddings = defaults.tied_embeddings;
    const auto read = [&](std::string_view name, bool& value) {
        value = fields.flag({name}).value_or(value);
    };
    read("tie_word_embeddings", model.tied_embeddings);
    read("attention_bias", model.attention_bias);
    read("mlp_bias", model.mlp_bias);
    model.all_biases = fields.flag({"enable_bias", "use_bias"}).value_or(model.all_biases);
    read("do_layer_norm_before", model.norm_before);
    read("layer_norm_elementwise_affine", model.norm_affine);
    read("_remove_final_layer_norm", model.final_norm_removed);
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

bool ModelConfiguration::is_dense(std::int64_t block) const {
    return std::ranges::binary_search(dense_blocks, block);
}

ModelConfiguration read_configuration(const formats::Json& config, std::string_view where) {
    if (!config.is_object()) {
        throw kNoObject(std::string(where));
    }
    support::FaultList faults;
    ModelConfiguration model;
    ConfigFields outer(config, where, "", Reading::strict, faults);
    const formats::Json& part = find_language_model(config, outer, model);
    model.architecture = first_architecture(config);

    const Family* const family = family_of(model);
    const ConfigurationDefaults defaults =
        family != nullptr ? family->defaults : ConfigurationDefaults{};
    const Reading reading = family != nullptr ? Reading::strict : Reading::lenient;

    ConfigFields fields(part, where, "", reading, faults);
    const bool has_usual = family != nullptr && model.is_part;
    read_sizes(fields, defaults,
               has_usual ? usual_sizes(model.text_type).value_or(UsualSizes{}) : UsualSizes{},
               model);
    if (family == nullptr) {
        read_unknown_kind(fields, model);
    }
    read_heads(fields, defaults, model);
    if (family != nullptr) {
        check_heads(fields, std::string(where), model, faults);
    }
    read_rest(fields, defaults, model);
    if (model.is_part) {  // the whole model's word goes first
        model.tied_embeddings = ConfigFields(config, where, "", reading, faults)
                                    .flag({"tie_word_embeddings"})
                                    .value_or(model.tied_embeddings);
    }
    read_rope(part, where, defaults, reading, faults, model);
    read_window(part, where, defaults, faults, model);
    if (family != nullptr && family->read_own_fields != nullptr) {
        family->read_own_fields(fields, model);
    }
    faults.throw_if_any();
    return model;
}

}  // namespace alphaprune::model
