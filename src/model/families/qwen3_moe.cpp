#include "config_fields.hpp"
#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

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
        .defaults = {.key_value_heads = 4,
                     .max_positions = 32768,
                     .norm_epsilon = 1e-6,
                     .activation = "silu",
                     .window = WindowRule::all_on_request},
        .describe_block = describe_qwen3_moe_block,
        .read_own_fields =
            [](ConfigFields& fields, ModelConfiguration& model) {
                ModelConfiguration usual;
                usual.experts = 128;
                usual.experts_per_token = 8;
                usual.expert_size = 768;
                read_expert_fields(fields, model, usual);
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
