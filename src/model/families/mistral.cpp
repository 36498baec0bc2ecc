#include "llama_like.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ConfigurationDefaults kDefaults{.key_value_heads = 8,
                                          .max_positions = 131072,
                                          .norm_epsilon = 1e-6,
                                          .activation = "silu",
                                          .window = WindowRule::always};

BlockDescription describe_block(const ModelConfiguration& model, std::int64_t block) {
    return describe_llama_block(model, block, {});
}

}  // namespace

/// Mistral 7B (arXiv 2310.06825): LLaMA's blocks with a sliding window and no biases.
const Family& mistral() {
    static const Family family = llama_like("mistral", kDefaults, describe_block);
    return family;
}

}  // namespace alphaprune::model::families
