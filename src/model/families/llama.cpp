#include "llama_like.hpp"

namespace alphaprune::model::families {
namespace {

constexpr ConfigurationDefaults kDefaults{
    .max_positions = 2048, .norm_epsilon = 1e-6, .activation = "silu"};

BlockDescription describe_block(const ModelConfiguration& model, std::int64_t block) {
    return describe_llama_block(model, block,
                                {.query_key_value = model.attention_bias,
                                 .attention_output = model.attention_bias,
                                 .mlp = model.mlp_bias});
}

}  // namespace

/// LLaMA 1, 2 and 3 (arXiv 2302.13971, 2307.09288, 2407.21783).
const Family& llama() {
    static const Family family = llama_like("llama", kDefaults, describe_block);
    return family;
}

}  // namespace alphaprune::model::families
