#include <array>
#include <cmath>

#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ModelSeries kGpt2{"gpt2", "GPT2LMHeadModel", "float32", 50257, 1024, 0};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 4> kGpt2Shapes{{
  {"gpt2", "gpt2-small", "openai-community/gpt2", &kGpt2, 768, 3072, 12, 12, 12, 1e-5},
  {"gpt2-medium", "", "openai-community/gpt2-medium", &kGpt2, 1024, 4096, 24, 16, 16, 1e-5},
  {"gpt2-large", "", "openai-community/gpt2-large", &kGpt2, 1280, 5120, 36, 20, 20, 1e-5},
  {"gpt2-xl", "", "openai-community/gpt2-xl", &kGpt2, 1600, 6400, 48, 25, 25, 1e-5},
}};
// clang-format on

formats::Json::Object gpt2_configuration_fields(const NamedShape& shape) {
    return {{"n_inner", shape.intermediate},
            {"activation_function", "gelu_new"},
            {"layer_norm_epsilon", shape.norm_epsilon},
            {"tie_word_embeddings", true}};
}

/// transformers' Conv1D: a linear layer that is stored as inputs × outputs, with a bias.
int add_conv1d(BlockDescription& made, std::string_view name, std::int64_t rows, std::int64_t cols,
               const std::vector<LayerSlice>& slices) {
    return add_fused_linear(made, name, rows, cols, true, slices, true);
}

BlockDescription describe_gpt2_block(const ModelConfiguration& model, std::int64_t block) {
    const std::int64_t hidden = model.hidden_size;
    const std::int64_t inner = model.intermediate_size;
    BlockDescription made;
    const NormLayer before_attention = add_norm(made.tensors, model, kLayerNorm, "ln_1");
    AttentionLayer attention;
    attention.query =
        add_conv1d(made, "attn.c_attn", 3 * hidden, hidden,
                   {{"q", {}, hidden}, {"k", {hidden}, hidden}, {"v", {2 * hidden}, hidden}});
    attention.key = attention.query + 1;
    attention.value = attention.query + 2;
    attention.output = add_conv1d(made, "attn.c_proj", hidden, hidden, {{"", {}, hidden}});
    attention.shape = attention_shape(model, block);
    if (model.scale_by_block) {
        attention.shape.scale /= static_cast<double>(block + 1);
    }
    const NormLayer before_mlp = add_norm(made.tensors, model, kLayerNorm, "ln_2");
    MlpLayer mlp;
    mlp.up = add_conv1d(made, "mlp.c_fc", inner, hidden, {{"", {}, inner}});
    mlp.down = add_conv1d(made, "mlp.c_proj", hidden, inner, {{"", {}, hidden}});
    mlp.activation = model.activation;
    made.sublayers = {{.norm_before = before_attention, .body = attention},
                      {.norm_before = before_mlp, .body = mlp}};
    return made;
}

FrameDescription describe_gpt2_frame(const ModelConfiguration& model) {
    const std::int64_t hidden = model.hidden_size;
    FrameDescription frame;
    frame.embedding =
        add_tensor(frame.tensors, "transformer.wte.weight", {model.vocabulary, hidden});
    frame.position_table =
        add_tensor(frame.tensors, "transformer.wpe.weight", {model.max_positions, hidden});
    frame.before_blocks = static_cast<int>(frame.tensors.size());
    frame.final_norm = add_norm(frame.tensors, model, kLayerNorm, "transformer.ln_f");
    frame.head = add_tensor(frame.tensors, "lm_head.weight", {model.vocabulary, hidden});
    return frame;
}

void read_gpt2_fields(ConfigFields& fields, ModelConfiguration& model) {
    read_plain_heads(fields, model);
    const bool scaled = fields.flag({"scale_attn_weights"}).value_or(true);
    model.attention_scale = scaled ? 1 / std::sqrt(static_cast<double>(model.head_size)) : 1;
    model.scale_by_block = fields.flag({"scale_attn_by_inverse_layer_idx"}).value_or(false);
    if (fields.flag({"add_cross_attention"}).value_or(false)) {
        fields.reject("add_cross_attention", "false, as in all models that generate text", "true");
    }
}

}  // namespace

/// GPT-2: learned positions, layer norms, weights that are stored as inputs × outputs.
const Family& gpt2() {
    static const Family family{.name = "gpt2",
                               .base_prefix = "transformer.",
                               .block_prefix = "transformer.h.",
                               .defaults = {.max_positions = 1024,
                                            .norm_epsilon = 1e-5,
                                            .activation = "gelu_new",
                                            .tied_embeddings = true,
                                            .inner_per_hidden = 4},
                               .shapes = kGpt2Shapes,
                               .describe_block = describe_gpt2_block,
                               .describe_frame = describe_gpt2_frame,
                               .configuration_fields = gpt2_configuration_fields,
                               .read_own_fields = read_gpt2_fields};
    return family;
}

}  // namespace alphaprune::model::families
