#include <array>

#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ModelSeries kOlmo2{"olmo2", "Olmo2ForCausalLM", "bfloat16", 100352, 4096, 5e5};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 3> kOlmo2Shapes{{
  {"olmo2-7b", "", "allenai/OLMo-2-1124-7B", &kOlmo2, 4096, 11008, 32, 32, 32, 1e-6},
  {"olmo2-13b", "", "allenai/OLMo-2-1124-13B", &kOlmo2, 5120, 13824, 40, 40, 40, 1e-6},
  {"olmo2-32b", "", "allenai/OLMo-2-0325-32B", &kOlmo2, 5120, 27648, 64, 40, 8, 1e-6},
}};
// clang-format on

}  // namespace

/// OLMo 2 (arXiv 2501.00656): norms of what sublayers add rather than of what they read, and of all
/// queries and keys together.
const Family& olmo2() {
    static const Family family = named_as_llama({
        .name = "olmo2",
        .defaults = {.max_positions = 2048, .norm_epsilon = 1e-5, .activation = "silu"},
        .shapes = kOlmo2Shapes,
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
