#include <fmt/format.h>

#include <array>
#include <cmath>

#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ModelSeries kDeepseekV3{
    "deepseek_v3",
    "DeepseekV3ForCausalLM",
    "bfloat16",
    129280,
    163840,
    1e4,
    R"("q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
       "v_head_dim": 128, "n_routed_experts": 256, "num_experts_per_tok": 8, "n_shared_experts": 1,
       "moe_intermediate_size": 2048, "n_group": 8, "topk_group": 4, "norm_topk_prob": true,
       "routed_scaling_factor": 2.5, "first_k_dense_replace": 3,
       "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1,
        "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096})"};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 1> kDeepseekShapes{{
  {"deepseek-v3", "", "deepseek-ai/DeepSeek-V3", &kDeepseekV3, 7168, 18432, 61, 128, 128, 1e-6},
}};
// clang-format on

/// The norms of the latent vectors, whatever rms_norm_eps says.
constexpr double kLatentEpsilon = 1e-6;

LatentAttentionLayer add_latent_attention(BlockDescription& made, const ModelConfiguration& model) {
    const std::int64_t hidden = model.hidden_size;
    const bool bias = model.attention_bias;
    const auto norm = [&](std::string_view name, std::int64_t width) {
        NormLayer layer = add_norm(made.tensors, model, kRmsNorm, name, width);
        layer.epsilon = kLatentEpsilon;
        return layer;
    };
    LatentAttentionLayer attention;
    const std::int64_t queries = model.heads * model.head_size;
    if (model.query_rank > 0) {
        attention.query_down =
            add_linear(made, "self_attn.q_a_proj", model.query_rank, hidden, bias);
        attention.query_norm = norm("self_attn.q_a_layernorm", model.query_rank);
        attention.query_up =
            add_linear(made, "self_attn.q_b_proj", queries, model.query_rank, false);
    } else {
        attention.query_up = add_linear(made, "self_attn.q_proj", queries, hidden, false);
    }
    attention.key_value_down = add_linear(made, "self_attn.kv_a_proj_with_mqa",
                                          model.key_value_rank + model.rotated_size, hidden, bias);
    attention.key_value_norm = norm("self_attn.kv_a_layernorm", model.key_value_rank);
    attention.key_value_up =
        add_linear(made, "self_attn.kv_b_proj",
                   model.heads * (model.head_size - model.rotated_size + model.value_size),
                   model.key_value_rank, false);
    attention.output =
        add_linear(made, "self_attn.o_proj", hidden, model.heads * model.value_size, bias);
    attention.shape.heads = model.heads;
    attention.shape.key_value_heads = model.heads;
    attention.shape.head_size = model.head_size;
    attention.shape.value_size = model.value_size;
    attention.shape.scale = model.attention_scale;
    attention.rotary = {model.rope, model.rotated_size, model.rope_interleaved};
    return attention;
}

ExpertsLayer add_deepseek_experts(BlockDescription& made, const ModelConfiguration& model) {
    ExpertsLayer experts =
        add_experts(made, model, {.router = "mlp.gate", .experts = "mlp.experts"});
    experts.routing.scores = Routing::Scores::sigmoid;
    experts.routing.multiplier = model.expert_multiplier;
    experts.routing.groups = model.expert_groups;
    experts.routing.chosen_groups = model.chosen_groups;
    experts.routing.choice_bias =
        add_tensor(made.tensors, "mlp.gate.e_score_correction_bias", {model.experts});
    if (model.shared_expert_size > 0) {
        experts.shared =
            add_gated_mlp(made, model, false, "mlp.shared_experts", model.shared_expert_size);
    }
    return experts;
}

BlockDescription describe_deepseek_block(const ModelConfiguration& model, std::int64_t block) {
    BlockDescription made;
    const LatentAttentionLayer attention = add_latent_attention(made, model);
    SublayerBody body;
    if (model.is_dense(block)) {
        body = add_gated_mlp(made, model);
    } else {
        body = add_deepseek_experts(made, model);
    }
    add_sublayers(made, model, kRmsNorm, attention, body);
    return made;
}

void read_deepseek_fields(ConfigFields& fields, ModelConfiguration& model) {
    const auto size = [&](std::string_view name, std::int64_t usual) {
        return fields.size({name}).value_or(usual);
    };
    model.experts = size("n_routed_experts", 256);
    model.experts_per_token = size("num_experts_per_tok", 8);
    model.expert_size = size("moe_intermediate_size", 2048);
    model.shared_expert_size = size("n_shared_experts", 1) * model.expert_size;
    model.expert_groups = size("n_group", 8);
    model.chosen_groups = size("topk_group", 4);
    constexpr double kUsualMultiplier = 2.5;
    model.expert_multiplier = fields.positive({"routed_scaling_factor"}).value_or(kUsualMultiplier);
    model.renormalize_experts = fields.flag({"norm_topk_prob"}).value_or(true);
    const bool has_no_rank =
        fields.find({"q_lora_rank"}) != nullptr && fields.is_absent({"q_lora_rank"});
    model.query_rank = has_no_rank ? 0 : size("q_lora_rank", 1536);
    model.key_value_rank = size("kv_lora_rank", 512);
    model.rotated_size = size("qk_rope_head_dim", 64);
    model.head_size = size("qk_nope_head_dim", 128) + model.rotated_size;
    model.value_size = size("v_head_dim", 128);
    model.rope_interleaved = fields.flag({"rope_interleave"}).value_or(true);
    // YaRN's correction of the scores, squared, as queries and keys both have it.
    const double correction =
        model.rope.type != "default" && model.rope.factor > 1 && model.rope.mscale_all_dim > 0
            ? 0.1 * model.rope.mscale_all_dim * std::log(model.rope.factor) + 1
            : 1;
    model.attention_scale =
        correction * correction / std::sqrt(static_cast<double>(model.head_size));
    if (model.experts % model.expert_groups != 0 || model.chosen_groups > model.expert_groups) {
        fields.reject("n_group", "a divisor of n_routed_experts, not below topk_group",
                      std::to_string(model.expert_groups));
    } else if (const std::int64_t most =
                   model.chosen_groups * (model.experts / model.expert_groups);
               model.experts_per_token > most) {
        fields.reject("num_experts_per_tok",
                      fmt::format("at most the experts of topk_group groups ({})", most),
                      std::to_string(model.experts_per_token));
    }
    if (const auto method = fields.text({"topk_method"}); method && *method != "noaux_tc") {
        fields.reject("topk_method", "noaux_tc", *method);
    }
    if (const auto scores = fields.text({"scoring_func"}); scores && *scores != "sigmoid") {
        fields.reject("scoring_func", "sigmoid", *scores);
    }
    const std::int64_t dense = fields.whole({"first_k_dense_replace"}).value_or(3);
    for (std::int64_t block = 0; block < std::min(dense, model.blocks); ++block) {
        model.dense_blocks.push_back(block);
    }
    model.prediction_blocks = fields.whole({"num_nextn_predict_layers"}).value_or(0);
}

}  // namespace

/// DeepSeek-V3 and R1 (arXiv 2412.19437): latent attention; experts chosen in groups by sigmoid
/// scores and a bias. Its blocks for multi-token prediction are carried, not run.
const Family& deepseek_v3() {
    static const Family family = named_as_llama({
        .name = "deepseek_v3",
        .defaults = {.max_positions = 4096, .norm_epsilon = 1e-6, .activation = "silu"},
        .shapes = kDeepseekShapes,
        .describe_block = describe_deepseek_block,
        .read_own_fields = read_deepseek_fields,
    });
    return family;
}

}  // namespace alphaprune::model::families
