#include <array>

#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ModelSeries kPythia{"gpt_neox", "GPTNeoXForCausalLM", "float16", 50304, 2048, 1e4};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 6> kPythiaShapes{{
  {"pythia-410m", "", "EleutherAI/pythia-410m", &kPythia, 1024, 4096, 24, 16, 16, 1e-5},
  {"pythia-1.4b", "", "EleutherAI/pythia-1.4b", &kPythia, 2048, 8192, 24, 16, 16, 1e-5},
  {"pythia-2.8b", "", "EleutherAI/pythia-2.8b", &kPythia, 2560, 10240, 32, 32, 32, 1e-5},
  {"pythia-6.9b", "", "EleutherAI/pythia-6.9b", &kPythia, 4096, 16384, 32, 32, 32, 1e-5,
   R"("vocab_size": 50432)"},
  {"pythia-12b", "", "EleutherAI/pythia-12b", &kPythia, 5120, 20480, 36, 40, 40, 1e-5,
   R"("vocab_size": 50688)"},
  {"gpt-neox-20b", "", "EleutherAI/gpt-neox-20b", &kPythia, 6144, 24576, 44, 64, 64, 1e-5,
   R"("vocab_size": 50432, "hidden_act": "gelu_fast")"},
}};
// clang-format on

formats::Json::Object pythia_configuration_fields(const NamedShape& shape) {
    return {{"intermediate_size", shape.intermediate},
            {"hidden_act", "gelu"},
            {"layer_norm_eps", shape.norm_epsilon},
            {"rotary_pct", 0.25},
            {"rotary_emb_base", 10000},
            {"use_parallel_residual", true},
            {"tie_word_embeddings", false}};
}

BlockDescription describe_gpt_neox_block(const ModelConfiguration& model, std::int64_t block) {
    const std::int64_t hidden = model.hidden_size;
    BlockDescription made;
    const NormLayer before_attention = add_norm(made.tensors, model, kLayerNorm, "input_layernorm");
    const NormLayer before_mlp =
        add_norm(made.tensors, model, kLayerNorm, "post_attention_layernorm");
    AttentionLayer attention;
    attention.query =
        add_grouped_heads(made, "attention.query_key_value", model, model.attention_bias);
    attention.key = attention.query + 1;
    attention.value = attention.query + 2;
    attention.output = add_linear(made, "attention.dense", hidden, hidden, model.attention_bias);
    attention.shape = attention_shape(model, block);
    attention.rotary = rotary_layer(model, block);
    const MlpLayer mlp = add_plain_mlp(made, model, true, "mlp.dense_h_to_4h", "mlp.dense_4h_to_h");
    made.sublayers = {{.norm_before = before_attention, .body = attention},
                      {.norm_before = before_mlp, .body = mlp, .parallel = model.parallel}};
    return made;
}

FrameDescription describe_gpt_neox_frame(const ModelConfiguration& model) {
    return describe_frame(
        model, kLayerNorm,
        {"gpt_neox.embed_in.weight", "gpt_neox.final_layer_norm", "embed_out.weight"});
}

}  // namespace

/// GPT-NeoX and Pythia (arXiv 2204.06745, 2304.01373): attention and MLP in parallel behind norms
/// of their own, a part of each head rotated.
const Family& gpt_neox() {
    static const Family family{
        .name = "gpt_neox",
        .base_prefix = "gpt_neox.",
        .block_prefix = "gpt_neox.layers.",
        .defaults = {.max_positions = 2048,
                     .norm_epsilon = 1e-5,
                     .activation = "gelu",
                     .rotary_share = 0.25},
        .shapes = kPythiaShapes,
        .describe_block = describe_gpt_neox_block,
        .describe_frame = describe_gpt_neox_frame,
        .configuration_fields = pythia_configuration_fields,
        .read_own_fields =
            [](ConfigFields& fields, ModelConfiguration& model) {
                read_plain_heads(fields, model);
                model.attention_bias = fields.flag({"attention_bias"}).value_or(true);
                model.parallel = fields.flag({"use_parallel_residual"}).value_or(true);
            },
    };
    return family;
}

}  // namespace alphaprune::model::families
