#include <array>
#include <string>

#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ModelSeries kFalcon{"falcon", "FalconForCausalLM", "bfloat16", 65024, 2048, 1e4};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 2> kFalconShapes{{
  {"falcon-7b", "", "tiiuae/falcon-7b", &kFalcon, 4544, 18176, 32, 71, 1, 1e-5},
  {"falcon-40b", "", "tiiuae/falcon-40b", &kFalcon, 8192, 32768, 60, 128, 8, 1e-5},
}};
// clang-format on

formats::Json::Object falcon_configuration_fields(const NamedShape& shape) {
    return {{"ffn_hidden_size", shape.intermediate},
            {"layer_norm_epsilon", shape.norm_epsilon},
            {"multi_query", true},
            {"new_decoder_architecture", shape.key_value_heads > 1},
            {"num_kv_heads", shape.key_value_heads},
            {"parallel_attn", true},
            {"alibi", false},
            {"bias", false},
            {"tie_word_embeddings", true}};
}

BlockDescription describe_falcon_block(const ModelConfiguration& model, std::int64_t block) {
    const std::int64_t hidden = model.hidden_size;
    const bool bias = model.all_biases;
    BlockDescription made;
    AttentionLayer attention;
    attention.query = add_grouped_heads(made, "self_attention.query_key_value", model, bias);
    attention.key = attention.query + 1;
    attention.value = attention.query + 2;
    attention.output = add_linear(made, "self_attention.dense", hidden, hidden, bias);
    attention.shape = attention_shape(model, block);
    if (!model.alibi) {
        attention.rotary = rotary_layer(model, block);
    }
    const MlpLayer mlp = add_plain_mlp(made, model, bias, "mlp.dense_h_to_4h", "mlp.dense_4h_to_h");
    const auto norm = [&](const char* name) {
        return add_norm(made.tensors, model, kLayerNorm, name);
    };
    const bool two_in_parallel = model.parallel && !model.shared_norm;
    const NormLayer first = norm(two_in_parallel ? "ln_attn" : "input_layernorm");
    const NormLayer second = model.shared_norm ? first
                             : two_in_parallel ? norm("ln_mlp")
                                               : norm("post_attention_layernorm");
    made.sublayers = {{.norm_before = first, .body = attention},
                      {.norm_before = second, .body = mlp, .parallel = model.parallel}};
    return made;
}

FrameDescription describe_falcon_frame(const ModelConfiguration& model) {
    return describe_frame(model, kLayerNorm,
                          {"transformer.word_embeddings.weight", "transformer.ln_f"});
}

/// The layout of heads follows from the number of those for keys and values: num_kv_heads in the
/// new architecture; in the old one it is ignored, and there is one, or as many as heads.
void read_falcon_fields(ConfigFields& fields, ModelConfiguration& model) {
    read_plain_heads(fields, model);
    const auto flag = [&](std::string_view name, bool usual) {
        return fields.flag({name}).value_or(usual);
    };
    const bool new_architecture = flag("new_decoder_architecture", false);
    const std::int64_t listed = fields.size({"num_kv_heads"}).value_or(model.heads);
    model.key_value_heads = new_architecture ? listed : flag("multi_query", true) ? 1 : model.heads;
    if (model.key_value_heads > 0 && model.heads % model.key_value_heads != 0) {
        fields.reject("num_kv_heads", "a divisor of num_attention_heads", std::to_string(listed));
    }
    model.parallel = flag("parallel_attn", true);
    if (new_architecture && !model.parallel) {
        fields.reject("parallel_attn", "true with new_decoder_architecture", "false");
    }
    const std::int64_t norms =
        fields.size({"num_ln_in_parallel_attn"}).value_or(new_architecture ? 2 : 1);
    if (model.parallel && norms > (new_architecture ? 2 : 1)) {
        fields.reject("num_ln_in_parallel_attn", "1, or 2 with new_decoder_architecture",
                      std::to_string(norms));
    }
    model.shared_norm = model.parallel && norms == 1;
    model.alibi = flag("alibi", false);
    model.all_biases = flag("bias", false);
    model.activation = fields.text({"activation"}).value_or("gelu");
    model.rope.share = 1;  // it rotates all of a head
}

}  // namespace

/// Falcon (arXiv 2311.16867): attention and MLP in parallel, one norm for both or one each, or one
/// after the other; positions by rotation or ALiBi.
const Family& falcon() {
    static const Family family{.name = "falcon",
                               .base_prefix = "transformer.",
                               .block_prefix = "transformer.h.",
                               .defaults = {.max_positions = 2048,
                                            .norm_epsilon = 1e-5,
                                            .activation = "gelu",
                                            .tied_embeddings = true,
                                            .inner_per_hidden = 4},
                               .shapes = kFalconShapes,
                               .describe_block = describe_falcon_block,
                               .describe_frame = describe_falcon_frame,
                               .configuration_fields = falcon_configuration_fields,
                               .read_own_fields = read_falcon_fields};
    return family;
}

}  // namespace alphaprune::model::families
