#include "llama_like.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ConfigurationDefaults kDefaults{.key_value_heads = 32,
                                          .max_positions = 32768,
                                          .norm_epsilon = 1e-6,
                                          .activation = "silu",
                                          .window = WindowRule::on_request};

BlockDescription describe_block(const ModelConfiguration& model, std::int64_t block) {
    return describe_llama_block(model, block, {.query_key_value = true});
}

}  // namespace

/// Qwen2 and Qwen2.5 (arXiv 2407.10671): LLaMA's blocks with biases of queries, keys and values.
const Family& qwen2() {
    static const Family family = llama_like("qwen2", kDefaults, describe_block);
    return family;
}

}  // namespace alphaprune::model::families
