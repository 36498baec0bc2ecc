#include "alphaprune/model/matrix_choice.hpp"

#include <gtest/gtest.h>

#include "model/faults.hpp"
#include "model/named_tensors.hpp"

namespace alphaprune::test {
namespace {

const std::string kConfig = R"({"model_type": "odd", "hidden_size": 32, "num_hidden_layers": 2})";
const std::vector<Named> kAttention{{"attn.qkv.weight", {96, 32}}, {"attn.o.weight", {32, 32}}};

std::vector<Named> model(const std::vector<Named>& more) {
    return in_blocks("h.", 2, kAttention + more);
}

TEST(MatrixChoice, ExcludeTakesOutIncludeTakesInExcludeWins) {
    const auto tensors = model({{"odd_norm.weight", {8, 4}}, {"map", {32, 32}}, {"bias", {32}}});
    EXPECT_EQ(described(catalogue_of(kConfig, tensors, choice_of({}, {"attn\\.o"}))),
              (Texts{"0:h.0.attn.qkv.weight", "1:h.1.attn.qkv.weight"}));
    EXPECT_EQ(
        described(catalogue_of(kConfig, tensors, choice_of({"norm", "map$"}, {"^h.0", "qkv"}))),
        (Texts{"1:h.1.attn.o.weight", "1:h.1.odd_norm.weight", "1:h.1.map"}));
}

TEST(MatrixChoice, AFamilyKnownByNameHeedsItToo) {
    const model::Catalogue catalogue = catalogue_of(
        R"({"model_type": "opt", "hidden_size": 8, "ffn_dim": 16, "num_hidden_layers": 1,
                         "num_attention_heads": 2, "vocab_size": 9, "max_position_embeddings": 9})",
        in_blocks("model.decoder.layers.", 1,
                  {{"self_attn.q_proj.weight", {8, 8}},
                   {"self_attn.k_proj.weight", {8, 8}},
                   {"self_attn.v_proj.weight", {8, 8}},
                   {"self_attn.out_proj.weight", {8, 8}},
                   {"fc1.weight", {16, 8}},
                   {"fc2.weight", {8, 16}},
                   {"adapter.weight", {4, 8}}}),
        choice_of({"adapter"}, {"_proj", "fc2"}));
    EXPECT_EQ(described(catalogue), (Texts{"0:model.decoder.layers.0.fc1.weight",
                                           "0:model.decoder.layers.0.adapter.weight"}));
}

TEST(MatrixChoice, PatternsThatMatchNothingAreFaults) {
    const auto faults = faults_of([] {
        catalogue_of(kConfig,
                     model({{"bias", {32}}}) + std::vector<Named>{{"head.weight", {9, 32}}},
                     choice_of({"absent", "bias", "head", "qkv"}, {"nowhere", "head"}));
    });
    EXPECT_EQ(faults.size(), 4U) << text_of(faults);
    for (const char* what :
         {"--include 'absent'", "--include 'bias'", "--include 'head'", "--exclude 'nowhere'"}) {
        EXPECT_EQ(count_faults(faults, {what}), 1) << text_of(faults);
    }
}

TEST(MatrixChoice, NothingLeftIsAFault) {
    const auto faults = faults_of([] {
        catalogue_of(kConfig, model({}), choice_of({}, {"attn.o", "attn.qkv"}));
    });
    ASSERT_EQ(faults.size(), 1U);
}

struct Stacked {
    std::string kind;
    std::vector<Named> tensors;
};

TEST(MatrixChoice, ExpertsInOneTensorAreRefusedUnlessExcluded) {
    for (const auto& [kind, tensors] : std::vector<Stacked>{
             {"gpt-oss",
              {{"mlp.experts.gate_up_proj", {4, 32, 64}},
               {"mlp.experts.gate_up_proj_bias", {4, 64}},
               {"mlp.experts.down_proj", {4, 32, 32}},
               {"mlp.router.weight", {4, 32}}}},
             {"llama4",
              {{"feed_forward.experts.gate_up_proj", {4, 32, 64}},
               {"feed_forward.router.weight", {4, 32}}}},
             {"granite",
              {{"block_sparse_moe.input_linear.weight", {4, 64, 32}},
               {"block_sparse_moe.output_linear.weight", {4, 32, 32}},
               {"block_sparse_moe.router.layer.weight", {4, 32}}}},
             {"jetmoe",
              {{"mlp.input_linear.weight", {4, 64, 32}}, {"mlp.router.layer.weight", {4, 32}}}},
             {"dbrx", {{"ffn.experts.mlp.w1", {256, 32}}, {"ffn.router.layer.weight", {4, 32}}}},
             {"dbrx with weights", {{"ffn.experts.w1.weight", {256, 32}}}},
             {"qwen3",
              {{"mlp.experts.gate_up_proj.weight", {4, 64, 32}}, {"mlp.gate.weight", {4, 32}}}},
             {"shared", {{"mlp.shared_experts.up_proj", {2, 64, 32}}}},
             {"nameless", {{"ff.big", {4, 64, 32}}}}}) {
        const auto faults =
            faults_of([&shapes = tensors] { catalogue_of(kConfig, model(shapes)); });
        EXPECT_EQ(count_faults(faults, {"several matrices in one tensor", tensors[0].name}), 1)
            << kind << text_of(faults);
        const model::Catalogue kept =
            catalogue_of(kConfig, model(tensors), choice_of({}, {"experts|_linear|ff\\.big"}));
        EXPECT_EQ(kept.matrices.size(), 4U) << kind;
    }
}

TEST(MatrixChoice, TwoDimensionalStacksMayBeIncluded) {
    const model::Catalogue catalogue =
        catalogue_of(kConfig, model({{"ffn.experts.mlp.w1", {256, 32}}}), choice_of({"w1"}, {}));
    EXPECT_EQ(catalogue.matrices.size(), 6U);
}

TEST(MatrixChoice, AFamilyKnownByNameIsRefusedForStackedExpertsToo) {
    std::vector<Named> block{{"mlp.experts.gate_up_proj", {4, 8, 32}}};
    for (const char* name :
         {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"}) {
        block.push_back({std::string(name) + ".weight", {8, 8}});
    }
    block.push_back({"mlp.gate_proj.weight", {16, 8}});
    block.push_back({"mlp.up_proj.weight", {16, 8}});
    block.push_back({"mlp.down_proj.weight", {8, 16}});
    const auto faults = faults_of([&] {
        catalogue_of(R"({"model_type": "llama", "hidden_size": 8, "intermediate_size": 16,
                         "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9})",
                     in_blocks("model.layers.", 1, block));
    });
    EXPECT_EQ(count_faults(faults, {"mlp.experts.gate_up_proj"}), 1) << text_of(faults);
}

TEST(MatrixChoice, LittleIsWarnedOf) {
    const auto much = model({{"ff.big_map", {640, 32}}});
    const model::Catalogue catalogue = catalogue_of(kConfig, much);
    ASSERT_EQ(catalogue.warnings.size(), 1U);
    EXPECT_NE(catalogue.warnings[0].find("only 16.7 %"), std::string::npos)
        << catalogue.warnings[0];
    EXPECT_NE(catalogue.warnings[0].find("h.*.ff.big_map (2 tensors"), std::string::npos)
        << catalogue.warnings[0];
    EXPECT_TRUE(catalogue_of(kConfig, much, choice_of({}, {"big"})).warnings.empty());
    EXPECT_TRUE(catalogue_of(kConfig, model({{"ff.small_map", {64, 32}}})).warnings.empty());
}

TEST(PrunableShare, CountsWhatIsLeftOutByPattern) {
    const auto tensors = model({{"mlp.experts.0.w1.weight", {64, 32}},
                                {"mlp.experts.1.w1.weight", {64, 32}},
                                {"mlp.gate.weight", {2, 32}},
                                {"ln_1.weight", {32}},
                                {"attn.bias", {1, 1, 99, 99}}});
    const model::MatrixChoice choice = choice_of({}, {"h\\.1.*attn\\.o"});
    const model::Catalogue catalogue = catalogue_of(kConfig, tensors, choice);
    const model::PrunableShare share = model::prunable_share(catalogue, choice);
    EXPECT_EQ(share.block_weights, 2 * (96 * 32 + 32 * 32 + 2 * 64 * 32 + 2 * 32 + 32));
    EXPECT_EQ(share.prunable, catalogue.prunable_parameters());
    ASSERT_EQ(share.left_out.size(), 3U);
    EXPECT_EQ(share.left_out[0].names, "h.*.attn.o.weight");
    EXPECT_EQ(share.left_out[0].reason, "--exclude");
    EXPECT_EQ(share.left_out[0].weights, 32 * 32);
    EXPECT_EQ(share.left_out[1].names, "h.*.mlp.gate.weight");
    EXPECT_EQ(share.left_out[1].tensors, 2);
    EXPECT_EQ(share.left_out[1].reason, "routers of experts");
    EXPECT_EQ(model::list_left_out(share.left_out).substr(0, 51),
              "h.*.attn.o.weight (1 tensor, 1024 weights: --exclud");
    EXPECT_EQ(model::prunable_share(catalogue, choice, model::BlockRange{0, 0}).prunable,
              96 * 32 + 32 * 32 + 2 * 64 * 32);
}

}  // namespace
}  // namespace alphaprune::test
