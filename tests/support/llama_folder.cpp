#include <fmt/format.h>

#include <algorithm>

#include "support/model_folder.hpp"

namespace alphaprune::test {

std::string llama_config(const LlamaSizes& sizes) {
    return fmt::format(R"({{
  "architectures": ["LlamaForCausalLM"],
  "model_type": "llama",
  "hidden_act": "silu",
  "hidden_size": {},
  "intermediate_size": {},
  "num_hidden_layers": {},
  "num_attention_heads": {},
  "num_key_value_heads": {},
  "max_position_embeddings": 64,
  "rms_norm_eps": 1e-05,
  "rope_parameters": {{"rope_theta": 10000.0, "rope_type": "default"}},
  "tie_word_embeddings": false,
  "vocab_size": {}
}}
)",
                       sizes.hidden, sizes.intermediate, sizes.blocks, sizes.heads, sizes.kv_heads,
                       sizes.vocabulary);
}

std::vector<StoredTensor> llama_tensors(const LlamaSizes& sizes, std::uint64_t seed,
                                        support::ScalarType type) {
    const std::int64_t hidden = sizes.hidden;
    const std::int64_t wide = sizes.intermediate;
    const std::int64_t key_values = hidden / sizes.heads * sizes.kv_heads;
    std::vector<StoredTensor> tensors;
    const auto add = [&](std::string name, std::vector<std::int64_t> shape) {
        tensors.push_back(random_tensor(std::move(name), type, std::move(shape), seed, 0.2F));
    };
    const std::vector<float> ones(static_cast<std::size_t>(hidden), 1.0F);
    const auto add_norm = [&](std::string name) {
        tensors.push_back(make_tensor(std::move(name), type, {hidden}, ones));
    };
    add("lm_head.weight", {sizes.vocabulary, hidden});
    add("model.embed_tokens.weight", {sizes.vocabulary, hidden});
    for (int block = 0; block < sizes.blocks; ++block) {
        const std::string in = fmt::format("model.layers.{}.", block);
        add_norm(in + "input_layernorm.weight");
        add(in + "mlp.down_proj.weight", {hidden, wide});
        add(in + "mlp.gate_proj.weight", {wide, hidden});
        add(in + "mlp.up_proj.weight", {wide, hidden});
        add_norm(in + "post_attention_layernorm.weight");
        add(in + "self_attn.k_proj.weight", {key_values, hidden});
        add(in + "self_attn.o_proj.weight", {hidden, hidden});
        add(in + "self_attn.q_proj.weight", {hidden, hidden});
        add(in + "self_attn.v_proj.weight", {key_values, hidden});
    }
    add_norm("model.norm.weight");
    std::sort(tensors.begin(), tensors.end(),
              [](const StoredTensor& a, const StoredTensor& b) { return a.name < b.name; });
    return tensors;
}

void make_llama_folder(const std::filesystem::path& folder, int blocks, int hidden,
                       int intermediate, int heads, int kv_heads, std::uint64_t seed,
                       support::ScalarType type) {
    const LlamaSizes sizes{blocks, hidden, intermediate, heads, kv_heads};
    write_model_folder(folder, llama_config(sizes), llama_tensors(sizes, seed, type));
}

}  // namespace alphaprune::test
