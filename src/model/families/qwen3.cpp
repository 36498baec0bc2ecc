#include "describe.hpp"

namespace alphaprune::model::families {

/// Qwen3 (arXiv 2505.09388): LLaMA's blocks with norms of each head's queries and keys.
const Family& qwen3() {
    static const Family family = named_as_llama({
        .name = "qwen3",
        .defaults = {.key_value_heads = 32,
                     .max_positions = 32768,
                     .norm_epsilon = 1e-6,
                     .activation = "silu",
                     .window = WindowRule::on_request,
                     .head_size = 128},
        .describe_block =
            [](const ModelConfiguration& model, std::int64_t block) {
                BlockDescription made;
                const bool bias = model.attention_bias;
                AttentionLayer attention = add_attention(made, model, block, {bias, bias});
                const auto norm = [&](std::string_view name, std::int64_t width = 0) {
                    return add_norm(made.tensors, model, kRmsNorm, name, width);
                };
                attention.query_norm = norm("self_attn.q_norm", model.head_size);
                attention.key_norm = norm("self_attn.k_norm", model.head_size);
                const MlpLayer mlp = add_gated_mlp(made, model);
                const NormLayer before_attention = norm("input_layernorm");
                const NormLayer before_mlp = norm("post_attention_layernorm");
                made.sublayers = {{.norm_before = before_attention, .body = attention},
                                  {.norm_before = before_mlp, .body = mlp}};
                return made;
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
