#include "describe.hpp"

namespace alphaprune::model::families {

/// OLMo 2 (arXiv 2501.00656): norms of what sublayers add rather than of what they read, and of all
/// queries and keys together.
const Family& olmo2() {
    static const Family family = named_as_llama({
        .name = "olmo2",
        .defaults = {.max_positions = 2048, .norm_epsilon = 1e-5, .activation = "silu"},
        .describe_block =
            [](const ModelConfiguration& model, std::int64_t block) {
                BlockDescription made;
                const bool bias = model.attention_bias;
                AttentionLayer attention = add_attention(made, model, block, {bias, bias});
                const auto norm = [&](std::string_view name, std::int64_t width = 0) {
                    return add_norm(made.tensors, model, kRmsNorm, name, width);
                };
                attention.query_norm = norm("self_attn.q_norm", model.heads * model.head_size);
                attention.key_norm =
                    norm("self_attn.k_norm", model.key_value_heads * model.head_size);
                const MlpLayer mlp = add_gated_mlp(made, model);
                const NormLayer of_attention = norm("post_attention_layernorm");
                const NormLayer of_mlp = norm("post_feedforward_layernorm");
                made.sublayers = {{.body = attention, .norm_output = of_attention},
                                  {.body = mlp, .norm_output = of_mlp}};
                return made;
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
