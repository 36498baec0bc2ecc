#include <array>

#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr std::array<std::string_view, 5> kQwen2Types{"qwen2_vl", "qwen2_5_vl", "qwen2_vl_text",
                                                      "qwen2_5_vl_text", "llava_qwen"};

constexpr ModelSeries kQwen2{"qwen2", "Qwen2ForCausalLM", "bfloat16", 152064, 131072, 1e6};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 2> kQwen2Shapes{{
  {"qwen2-7b", "", "Qwen/Qwen2-7B", &kQwen2, 3584, 18944, 28, 28, 4, 1e-6},
  {"qwen2-72b", "", "Qwen/Qwen2-72B", &kQwen2, 8192, 29568, 80, 64, 8, 1e-5},
}};
// clang-format on

}  // namespace

/// Qwen2 and Qwen2.5 (arXiv 2407.10671): LLaMA's blocks with biases of queries, keys and values.
const Family& qwen2() {
    static const Family family = named_as_llama({
        .name = "qwen2",
        .also = kQwen2Types,
        .defaults = {.key_value_heads = 32,
                     .max_positions = 32768,
                     .norm_epsilon = 1e-6,
                     .activation = "silu",
                     .window = WindowRule::on_request},
        .shapes = kQwen2Shapes,
        .describe_block =
            [](const ModelConfiguration& model, std::int64_t block) {
                return describe_llama_block(model, block, {.query_key_value = true});
            },
    });
    return family;
}

}  // namespace alphaprune::model::families
