#include <array>

#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr std::string_view kVisionType = "qwen3_vl_moe_text";
constexpr std::array<std::string_view, 1> kQwen3MoeTypes{kVisionType};

constexpr ModelSeries kQwen3Moe{
    "qwen3_moe",
    "Qwen3MoeForCausalLM",
    "bfloat16",
    151936,
    40960,
    1e6,
    R"("head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8, "norm_topk_prob": true)"};
constexpr std::string_view k768 = R"("moe_intermediate_size": 768)";
constexpr std::string_view k1536 = R"("moe_intermediate_size": 1536)";

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 2> kQwen3MoeShapes{{
  {"qwen3-30b-a3b", "", "Qwen/Qwen3-30B-A3B", &kQwen3Moe, 2048, 6144, 48, 32, 4, 1e-6, k768},
  {"qwen3-235b-a22b", "", "Qwen/Qwen3-235B-A22B", &kQwen3Moe, 4096, 12288, 94, 64, 4, 1e-6, k1536},
}};
// clang-format on

BlockDescription describe_qwen3_moe_block(const ModelConfiguration& model, std::int64_t block) {
    BlockDescription made;
    const bool bias = model.attention_bias;
    AttentionLayer attention = add_attention(made, model, block, {bias, bias});
    add_head_norms(made, model, kRmsNorm, attention);
    SublayerBody body;
    if (model.is_dense(block)) {
        body = add_gated_mlp(made, model);
    } else {
        body = add_experts(made, model, {.router = "mlp.gate", .experts = "mlp.experts"});
    }
    add_sublayers(made, model, kRmsNorm, attention, body);
    return made;
}

}  // namespace

/// Qwen3's mixtures (arXiv 2505.09388): Qwen3's blocks with experts instead of an MLP.
const Family& qwen3_moe() {
    static const Family family = named_as_llama({
        .name = "qwen3_moe",
        .also = kQwen3MoeTypes,
        .defaults = {.key_value_heads = 4,
                     .max_positions = 32768,
                     .norm_epsilon = 1e-6,
                     .activation = "silu",
                     .window = WindowRule::all_on_request},
        .shapes = kQwen3MoeShapes,
        .describe_block = describe_qwen3_moe_block,
        .read_own_fields =
            [](ConfigFields& fields, ModelConfiguration& model) {
                ModelConfiguration usual;
                usual.experts = 128;
                usual.experts_per_token = 8;
                usual.expert_size = 768;
                read_expert_fields(fields, model, usual);
                // There it is done whatever norm_topk_prob says.
                model.renormalize_experts |= model.text_type == kVisionType;
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
