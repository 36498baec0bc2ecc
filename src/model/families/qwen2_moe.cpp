#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

BlockDescription describe_qwen2_moe_block(const ModelConfiguration& model, std::int64_t block) {
    const AttentionBiases biases{.query_key_value = model.attention_bias};
    if (model.is_dense(block)) {
        return describe_llama_block(model, block, biases);
    }
    BlockDescription made;
    const AttentionLayer attention = add_attention(made, model, block, biases);
    ExpertsLayer experts =
        add_experts(made, model, {.router = "mlp.gate", .experts = "mlp.experts"});
    experts.shared =
        add_gated_mlp(made, model, false, "mlp.shared_expert", model.shared_expert_size);
    experts.shared_gate =
        add_dense_linear(made, "mlp.shared_expert_gate", 1, model.hidden_size, false);
    add_sublayers(made, model, kRmsNorm, attention, experts);
    return made;
}

}  // namespace

/// Qwen1.5-MoE and Qwen2's mixtures (arXiv 2407.10671): Qwen2's blocks with experts and one expert
/// for every token, behind a gate.
const Family& qwen2_moe() {
    static const Family family = named_as_llama({
        .name = "qwen2_moe",
        .defaults = {.key_value_heads = 16,
                     .max_positions = 32768,
                     .norm_epsilon = 1e-6,
                     .activation = "silu",
                     .window = WindowRule::on_request},
        .describe_block = describe_qwen2_moe_block,
        .read_own_fields =
            [](ConfigFields& fields, ModelConfiguration& model) {
                ModelConfiguration usual;
                usual.experts = 60;
                usual.experts_per_token = 4;
                usual.expert_size = 1408;
                read_expert_fields(fields, model, usual);
                constexpr std::int64_t kUsualShared = 5632;
                model.shared_expert_size =
                    fields.size({"shared_expert_intermediate_size"}).value_or(kUsualShared);
                model.attention_bias = fields.flag({"qkv_bias"}).value_or(true);
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
