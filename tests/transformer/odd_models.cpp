#include "transformer/odd_models.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace alphaprune::test {
namespace {

constexpr support::ScalarType kType = support::ScalarType::float32;

class TensorMaker {
  public:
    void weight(const std::string& name, std::int64_t rows, std::int64_t cols, float scale) {
        add(name + ".weight", {rows, cols}, scale);
    }
    /// With a bias, if need be.
    void projection(const std::string& name, std::int64_t rows, std::int64_t cols, bool bias) {
        weight(name, rows, cols, 0.25F);
        if (bias) {
            add(name + ".bias", {rows}, 0.3F);
        }
    }
    void norm(const std::string& name, std::int64_t size, bool bias) {
        add(name + ".weight", {size}, 1);
        if (bias) {
            add(name + ".bias", {size}, 0.3F);
        }
    }
    std::vector<StoredTensor> tensors;

  private:
    void add(const std::string& name, std::vector<std::int64_t> shape, float scale) {
        tensors.push_back(random_tensor(name, kType, std::move(shape), tensors.size() + 1, scale));
    }
};

}  // namespace

void OddModel::erase(const std::string& name) {
    const auto erased =
        std::erase_if(tensors, [&](const StoredTensor& tensor) { return tensor.name == name; });
    EXPECT_EQ(erased, 1U) << name;
}

void OddModel::replace(const std::string& from, const std::string& to) {
    const auto at = config.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    config.replace(at, from.size(), to);
}

void OddModel::write(const std::filesystem::path& folder) const {
    write_model_folder(folder, config, tensors);
}

namespace {

std::vector<StoredTensor> llama_like_tensors(bool biases) {
    TensorMaker make;
    make.weight("lm_head", 40, 20, 1);
    make.weight("model.embed_tokens", 40, 20, 1);
    for (const std::string block : {"model.layers.0.", "model.layers.1."}) {
        make.norm(block + "input_layernorm", 20, false);
        make.projection(block + "self_attn.q_proj", 4 * 6, 20, biases);
        make.projection(block + "self_attn.k_proj", 2 * 6, 20, biases);
        make.projection(block + "self_attn.v_proj", 2 * 6, 20, biases);
        make.projection(block + "self_attn.o_proj", 20, 4 * 6, biases);
        make.norm(block + "post_attention_layernorm", 20, false);
        make.projection(block + "mlp.gate_proj", 30, 20, biases);
        make.projection(block + "mlp.up_proj", 30, 20, biases);
        make.projection(block + "mlp.down_proj", 20, 30, biases);
    }
    make.norm("model.norm", 20, false);
    return std::move(make.tensors);
}

}  // namespace

OddModel odd_mistral() {
    return {R"({"model_type": "mistral", "hidden_act": "silu", "hidden_size": 20,
                "intermediate_size": 30, "num_hidden_layers": 2, "num_attention_heads": 4,
                "num_key_value_heads": 2, "head_dim": 6, "vocab_size": 40, "rms_norm_eps": 1e-5,
                "rope_theta": 500.0, "sliding_window": 5, "tie_word_embeddings": false})",
            llama_like_tensors(false)};
}

OddModel odd_llama() {
    return {R"({"model_type": "llama", "hidden_act": "silu", "hidden_size": 20,
                "intermediate_size": 30, "num_hidden_layers": 2, "num_attention_heads": 4,
                "num_key_value_heads": 2, "head_dim": 6, "vocab_size": 40, "rms_norm_eps": 1e-5,
                "rope_theta": 500.0, "attention_bias": true, "mlp_bias": true,
                "tie_word_embeddings": false})",
            llama_like_tensors(true)};
}

OddModel odd_opt() {
    TensorMaker make;
    const std::string in = "model.decoder.";
    make.weight(in + "embed_tokens", 40, 12, 1);
    make.weight(in + "embed_positions", 66, 24, 0.5F);
    make.weight(in + "project_in", 24, 12, 0.4F);
    make.weight(in + "project_out", 12, 24, 0.4F);
    for (const std::string& block : {in + "layers.0.", in + "layers.1."}) {
        make.norm(block + "self_attn_layer_norm", 24, true);
        make.norm(block + "final_layer_norm", 24, true);
        for (const std::string name : {"k_proj", "v_proj", "q_proj", "out_proj"}) {
            make.projection(block + "self_attn." + name, 24, 24, true);
        }
        make.projection(block + "fc1", 36, 24, true);
        make.projection(block + "fc2", 24, 36, true);
    }
    return {R"({"model_type": "opt", "activation_function": "gelu", "hidden_size": 24,
                "ffn_dim": 36, "num_hidden_layers": 2, "num_attention_heads": 3, "vocab_size": 40,
                "max_position_embeddings": 64, "word_embed_proj_dim": 12,
                "do_layer_norm_before": false})",
            std::move(make.tensors)};
}

}  // namespace alphaprune::test
