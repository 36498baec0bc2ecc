#include <gtest/gtest.h>

#include "model/faults.hpp"
#include "model/named_tensors.hpp"

namespace alphaprune::test {
namespace {

const std::string kRolesConfig = R"({"model_type": "odd", "hidden_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 100})";

/// Which of the tensors are pruned, by their names inside the block, in a model of two such blocks.
Texts pruned(const std::vector<Named>& tensors, const std::string& config = kRolesConfig) {
    const std::vector<Named> ballast{{"ballast.weight", {32, 3200}}};
    const model::Catalogue catalogue =
        catalogue_of(config, in_blocks("model.layers.", 2, ballast + tensors));
    const std::string prefix = "1:model.layers.1.";
    Texts names;
    for (const std::string& text : described(catalogue)) {
        if (text.starts_with(prefix) && !text.ends_with("ballast.weight")) {
            names.push_back(text.substr(prefix.size()));
        }
    }
    return names;
}

TEST(Roles, NormsOfTwoDimensions) {
    EXPECT_EQ(pruned({{"attn.q_norm.weight", {8, 8}},
                      {"attn.k_layernorm.weight", {2, 16}},
                      {"attn.norm_q.weight", {4, 16}},
                      {"ln_1.weight", {4, 8}},
                      {"norm1.weight", {4, 8}},
                      {"attn.LayerNorm.weight", {4, 8}},
                      {"attn.q_gain.weight", {4, 16}},  // heads × head_dim, whatever its name
                      {"attn.k_gain.weight", {2, 16}},
                      {"norm1.linear.weight", {192, 32}},  // of an adaptive norm
                      {"norm_proj.weight", {32, 32}}}),
              (Texts{"norm1.linear.weight", "norm_proj.weight"}));
}

std::vector<Named> experts(const std::string& module, int count) {
    std::vector<Named> tensors;
    for (int e = 0; e < count; ++e) {
        const std::string in = module + std::to_string(e);
        tensors.push_back({in + ".gate_proj.weight", {48, 32}});
        tensors.push_back({in + ".gate.weight", {48, 32}});
        tensors.push_back({in + ".w1.weight", {6, 32}});  // as many rows as there are experts
    }
    return tensors;
}

TEST(Roles, RoutersOfExperts) {
    for (const auto& [module, router] : std::vector<std::pair<std::string, std::string>>{
             {"mlp.experts.", "mlp.gate"},
             {"block_sparse_moe.experts.", "block_sparse_moe.gate"},
             {"moe.experts.", "moe.gate.wg"},
             {"mlp.deepspeed_moe.experts.deepspeed_experts.", "mlp.deepspeed_moe.gate.wg"},
             {"feed_forward.experts.", "feed_forward.router"},
             {"ffn.experts.expert_", "ffn.router.classifier"},
             {"experts.", "gate"},
             {"experts.", "router"},
             {"mlp.switch_mlp.local_experts.", "mlp.switch_mlp.router.layer"}}) {
        const std::vector<Named> linear = experts(module, 6);
        Texts expected;
        for (const Named& tensor : linear) {
            expected.push_back(tensor.name);
        }
        expected.emplace_back("mlp.shared_expert.gate_proj.weight");
        EXPECT_EQ(
            pruned(linear + std::vector<Named>{{router + ".weight", {6, 32}},
                                               {"mlp.shared_expert_gate.weight", {1, 32}},
                                               {"mlp.shared_expert.gate_proj.weight", {48, 32}}}),
            expected)
            << router;
    }
}

TEST(Roles, GatesOfDenseLayersAreLinear) {
    const Texts names{"mlp.gate.weight", "mlp.gate_proj.weight", "attn.gate.weight", "w1.weight",
                      "attn.g_proj.weight"};
    std::vector<Named> tensors;
    for (const std::string& name : names) {
        tensors.push_back({name, {96, 32}});
    }
    EXPECT_EQ(pruned(tensors), names);
}

TEST(Roles, TablesConvolutionsAdaptersAndParameters) {
    EXPECT_EQ(pruned({{"attn.relative_attention_bias.weight", {32, 4}},
                      {"attn.rel_pos_emb.weight", {63, 16}},
                      {"embed_positions.weight", {64, 32}},
                      {"attn.wpe.weight", {64, 32}},
                      {"embed_tokens.weight", {100, 32}},
                      {"shared_head.head.weight", {100, 32}},
                      {"attn.linear_pos.weight", {32, 32}},
                      {"embed_proj.weight", {32, 32}},
                      {"mamba.conv1d.weight", {64, 1, 4}},
                      {"short_conv.weight", {64, 4}},
                      {"mamba.A_log", {64, 16}},
                      {"mamba.dt_proj.weight", {64, 8}},
                      {"attn.q_proj.lora_A.weight", {8, 32}},
                      {"attn.q_proj.lora_B.default.weight", {32, 8}},
                      {"attn.q_proj.base_layer.weight", {32, 32}},
                      {"attn.q_proj.weight_scale_inv", {2, 2}},
                      {"attn.q_proj.weight_mask", {32, 32}},
                      {"attn.bias", {1, 1, 512, 512}},
                      {"time_maa_w2", {5, 32}},
                      {"score.weight", {1, 32}}}),
              (Texts{"attn.linear_pos.weight", "embed_proj.weight", "mamba.dt_proj.weight",
                     "attn.q_proj.base_layer.weight"}));
}

}  // namespace
}  // namespace alphaprune::test
