#include <array>

#include "describe.hpp"

namespace alphaprune::model::families {
namespace {

constexpr std::array<std::string_view, 1> kMistralTypes{"llava_mistral"};

constexpr ModelSeries kMistral{"mistral", "MistralForCausalLM",       "bfloat16", 32000, 32768,
                               1e4,       R"("sliding_window": 4096)"};

// name, alias, repository, series, hidden, intermediate, blocks, heads, key-value heads, epsilon
// clang-format off
constexpr std::array<NamedShape, 1> kMistralShapes{{
  {"mistral-7b", "", "mistralai/Mistral-7B-v0.1", &kMistral, 4096, 14336, 32, 32, 8, 1e-5},
}};
// clang-format on

}  // namespace

/// Mistral 7B (arXiv 2310.06825): LLaMA's blocks with a sliding window and no biases.
const Family& mistral() {
    static const Family family = named_as_llama({
        .name = "mistral",
        .also = kMistralTypes,
        .defaults = {.key_value_heads = 8,
                     .max_positions = 131072,
                     .norm_epsilon = 1e-6,
                     .activation = "silu",
                     .window = WindowRule::always},
        .shapes = kMistralShapes,
        .describe_block = [](const ModelConfiguration& model,
                             std::int64_t block) { return describe_llama_block(model, block, {}); },
    });
    return family;
}

}  // namespace alphaprune::model::families
