#include "describe.hpp"

namespace alphaprune::model::families {

/// StarCoder2 (arXiv 2402.19173): layer norms, biases everywhere, an MLP without a gate.
const Family& starcoder2() {
    static const Family family = named_as_llama({
        .name = "starcoder2",
        .defaults = {.key_value_heads = 2,
                     .max_positions = 4096,
                     .norm_epsilon = 1e-5,
                     .activation = "gelu_pytorch_tanh",
                     .tied_embeddings = true,
                     .window = WindowRule::always,
                     .sliding_window = 0},
        .describe_block =
            [](const ModelConfiguration& model, std::int64_t block) {
                BlockDescription made;
                const bool bias = model.all_biases;
                const AttentionLayer attention = add_attention(made, model, block, {bias, bias});
                const MlpLayer mlp = add_plain_mlp(made, model, bias, "mlp.c_fc", "mlp.c_proj");
                add_sublayers(made, model, kLayerNorm, attention, mlp);
                return made;
            },
        .describe_frame =
            [](const ModelConfiguration& model) { return describe_frame(model, kLayerNorm); },
    });
    return family;
}

}  // namespace alphaprune::model::families
