#include <array>

#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr std::array<std::string_view, 1> kQwen3Types{"qwen3_vl_text"};

constexpr ModelSeries kQwen3{"qwen3", "Qwen3ForCausalLM",  "bfloat16", 151936, 40960,
                             1e6,     R"("head_dim": 128)"};
constexpr std::string_view kTied = R"("tie_word_embeddings": true)";

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 6> kQwen3Shapes{{
  {"qwen3-0.6b", "", "Qwen/Qwen3-0.6B", &kQwen3, 1024, 3072, 28, 16, 8, 1e-6, kTied},
  {"qwen3-1.7b", "", "Qwen/Qwen3-1.7B", &kQwen3, 2048, 6144, 28, 16, 8, 1e-6, kTied},
  {"qwen3-4b", "", "Qwen/Qwen3-4B", &kQwen3, 2560, 9728, 36, 32, 8, 1e-6, kTied},
  {"qwen3-8b", "", "Qwen/Qwen3-8B", &kQwen3, 4096, 12288, 36, 32, 8, 1e-6},
  {"qwen3-14b", "", "Qwen/Qwen3-14B", &kQwen3, 5120, 17408, 40, 40, 8, 1e-6},
  {"qwen3-32b", "", "Qwen/Qwen3-32B", &kQwen3, 5120, 25600, 64, 64, 8, 1e-6},
}};
// clang-format on

}  // namespace

/// Qwen3 (arXiv 2505.09388): LLaMA's blocks with norms of each head's queries and keys.
const Family& qwen3() {
    static const Family family = named_as_llama({
        .name = "qwen3",
        .also = kQwen3Types,
        .defaults = {.key_value_heads = 32,
                     .max_positions = 32768,
                     .norm_epsilon = 1e-6,
                     .activation = "silu",
                     .window = WindowRule::on_request,
                     .head_size = 128},
        .shapes = kQwen3Shapes,
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
