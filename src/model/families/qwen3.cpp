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
                add_head_norms(made, model, kRmsNorm, attention);
                const MlpLayer mlp = add_gated_mlp(made, model);
                add_sublayers(made, model, kRmsNorm, attention, mlp);
                return made;
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
