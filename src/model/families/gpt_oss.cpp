#include <fmt/format.h>

#include <array>

#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ModelSeries kGptOss{
    "gpt_oss",
    "GptOssForCausalLM",
    "bfloat16",
    201088,
    131072,
    150000,
    R"("head_dim": 64, "attention_bias": true, "sliding_window": 128, "num_experts_per_tok": 4,
       "swiglu_limit": 7.0,
       "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
        "truncate": false, "original_max_position_embeddings": 4096})"};
constexpr std::string_view k32 = R"("num_local_experts": 32)";
constexpr std::string_view k128 = R"("num_local_experts": 128)";

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 2> kGptOssShapes{{
  {"gpt-oss-20b", "", "openai/gpt-oss-20b", &kGptOss, 2880, 2880, 24, 64, 8, 1e-5, k32},
  {"gpt-oss-120b", "", "openai/gpt-oss-120b", &kGptOss, 2880, 2880, 36, 64, 8, 1e-5, k128},
}};
// clang-format on

BlockDescription describe_gpt_oss_block(const ModelConfiguration& model, std::int64_t block) {
    BlockDescription made;
    const bool bias = model.attention_bias;
    const int sinks = add_tensor(made.tensors, "self_attn.sinks", {model.heads});
    AttentionLayer attention = add_attention(made, model, block, {bias, bias});
    attention.sinks = sinks;
    ExpertsLayer experts;
    experts.router = add_dense_linear(made, "mlp.router", model.experts, model.hidden_size, true);
    experts.routing.scores = Routing::Scores::chosen_softmax;
    experts.routing.chosen = model.experts_per_token;
    add_fused_experts(made, model, {.transposed = true, .interleaved = true, .biases = true},
                      experts);
    for (MlpLayer& expert : experts.experts) {
        expert.activation = "silu";  // config.json's hidden_act means nothing
        expert.clamped = ClampedGate{model.gate_limit, model.gate_steepness};
    }
    add_sublayers(made, model, kRmsNorm, attention, experts);
    return made;
}

/// What is assumed where config.json describes no rotary embedding.
RopeParameters usual_rope(ConfigFields& fields, const RopeParameters& plain) {
    RopeParameters rope = plain;
    rope.type = "yarn";
    rope.factor = 32;
    rope.truncate = false;
    constexpr std::int64_t kUsualPositions = 4096;
    rope.original_max_positions =
        fields.size({"original_max_position_embeddings"}).value_or(kUsualPositions);
    return rope;
}

void read_gpt_oss_fields(ConfigFields& fields, ModelConfiguration& model) {
    model.experts = fields.size({"num_local_experts", "num_experts"}).value_or(128);
    model.experts_per_token = fields.size({"num_experts_per_tok"}).value_or(4);
    model.expert_size = model.intermediate_size;
    if (model.experts_per_token > model.experts) {
        fields.reject("num_experts_per_tok",
                      fmt::format("at most num_local_experts ({})", model.experts),
                      std::to_string(model.experts_per_token));
    }
    model.attention_bias = fields.flag({"attention_bias"}).value_or(true);
    constexpr double kUsualLimit = 7;
    constexpr double kUsualSteepness = 1.702;
    model.gate_limit = fields.positive({"swiglu_limit"}).value_or(kUsualLimit);
    model.gate_steepness = fields.positive({"swiglu_alpha"}).value_or(kUsualSteepness);
    const formats::Json* old = fields.find({"rope_scaling"});
    const bool has_old = old != nullptr && !old->members().empty();
    if (!has_old && fields.is_absent({"rope_parameters"})) {
        model.rope = usual_rope(fields, model.rope);
    }
}

}  // namespace

/// GPT-OSS (arXiv 2508.10925): experts with biases and a gate of their own kind in tensors that all
/// share, sinks of the attention, windows in every other block. Its published files have the
/// experts in MXFP4, which is read as the tensors described here.
const Family& gpt_oss() {
    static const Family family = named_as_llama({
        .name = "gpt_oss",
        .defaults = {.key_value_heads = 8,
                     .max_positions = 131072,
                     .norm_epsilon = 1e-5,
                     .activation = "silu",
                     .window = WindowRule::patterned,
                     .sliding_window = 128,
                     .window_pattern = 2,
                     .head_size = 64,
                     .rope_theta = 150000},
        .shapes = kGptOssShapes,
        .describe_block = describe_gpt_oss_block,
        .read_own_fields = read_gpt_oss_fields,
    });
    return family;
}

}  // namespace alphaprune::model::families
