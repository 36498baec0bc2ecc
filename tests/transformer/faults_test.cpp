// Models and requests that have no forward pass: the message says what is wrong and what to do.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "alphaprune/transformer/forward_plan.hpp"
#include "alphaprune/transformer/perplexity.hpp"
#include "model/faults.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"
#include "transformer/logits.hpp"
#include "transformer/odd_models.hpp"
#include "transformer/stored_model.hpp"

namespace alphaprune::test {
namespace {

/// What planning the forward pass says against the model.
std::vector<support::Fault> faults_of_model(const OddModel& odd) {
    const TemporaryFolder folder;
    odd.write(folder / "m");
    const model::Catalogue catalogue = model::read_catalogue(folder / "m");
    return faults_of([&] { transformer::make_forward_plan(catalogue); });
}

TEST(TransformerFaults, NoForwardPassForTheArchitecture) {
    OddModel odd = odd_mistral();
    odd.replace(R"("model_type": "mistral")",
                R"("model_type": "mamba9", "architectures": ["Mamba9ForCausalLM"])");
    const TemporaryFolder folder;
    odd.write(folder / "m");
    const model::Catalogue catalogue = model::read_catalogue(folder / "m");
    const auto faults = faults_of([&] { transformer::make_forward_plan(catalogue); });
    ASSERT_EQ(faults.size(), 1U);
    EXPECT_EQ(count_faults(faults, {"mamba9", "Mamba9ForCausalLM", "config.json"}), 1);
    EXPECT_NE(faults[0].remedy.find("pruning by magnitude works"), std::string::npos);
    EXPECT_NE(faults[0].remedy.find(model::family_names()), std::string::npos);
}

TEST(TransformerFaults, AllMissingAndMisshapenTensorsAtOnce) {
    OddModel odd = odd_llama();
    odd.erase("model.layers.1.input_layernorm.weight");
    odd.erase("model.embed_tokens.weight");
    odd.tensors.push_back(
        random_tensor("model.embed_tokens.weight", support::ScalarType::float32, {41, 20}, 1));
    odd.erase("model.layers.0.self_attn.k_proj.bias");
    odd.tensors.push_back(random_tensor("model.layers.0.self_attn.k_proj.bias",
                                        support::ScalarType::float32, {13}, 1));
    odd.erase("model.layers.1.mlp.up_proj.weight");
    odd.tensors.push_back(random_tensor("model.layers.1.mlp.up_proj.weight",
                                        support::ScalarType::float32, {30, 21}, 1));
    const auto faults = faults_of_model(odd);
    EXPECT_EQ(faults.size(), 2U) << text_of(faults);
    EXPECT_EQ(count_faults(faults, {"missing", "model.layers.1.input_layernorm.weight"}), 1)
        << text_of(faults);
    EXPECT_EQ(count_faults(faults, {"model.embed_tokens.weight is [41, 20] instead of [40, 20]",
                                    "model.layers.0.self_attn.k_proj.bias is [13] instead of [12]",
                                    "model.layers.1.mlp.up_proj.weight is [30, 21] instead of "
                                    "[30, 20]"}),
              1)
        << text_of(faults);
}

TEST(TransformerFaults, LayerNormsNeedTheirBiases) {
    OddModel odd = odd_opt();
    odd.erase("model.decoder.layers.1.final_layer_norm.bias");
    odd.erase("model.decoder.project_in.weight");
    const auto faults = faults_of_model(odd);
    EXPECT_EQ(count_faults(faults, {"model.decoder.layers.1.final_layer_norm.bias",
                                    "model.decoder.project_in.weight"}),
              1)
        << text_of(faults);
}

TEST(TransformerFaults, FeaturesThatAreNotSupported) {
    OddModel odd = odd_mistral();
    odd.replace("\"silu\"", "\"mish\"");
    odd.replace("\"rope_theta\": 500.0",
                R"("rope_scaling": {"rope_type": "ntk-by-parts", "factor": 4.0})");
    const auto faults = faults_of_model(odd);
    EXPECT_EQ(faults.size(), 2U) << text_of(faults);
    EXPECT_EQ(count_faults(faults, {"'mish'", "config.json"}), 1) << text_of(faults);
    EXPECT_EQ(count_faults(faults, {"'ntk-by-parts'", "config.json"}), 1) << text_of(faults);
}

class Requests : public testing::Test {
  protected:
    Requests() {
        odd_opt().write(folder_ / "m");
        model_.emplace(folder_ / "m");
    }
    std::vector<support::Fault> faults_of_tokens(const std::vector<std::int32_t>& tokens) {
        return faults_of(
            [&] { transformer::logits_of(world(), model_->catalogue, model_->source(), tokens); });
    }
    std::vector<support::Fault> faults_of_windows(const model::TokenSequences& windows) {
        return faults_of([&] {
            transformer::measure_perplexity(world(), parallel::NodeMap(world()), model_->catalogue,
                                            model_->source(), windows, {});
        });
    }
    TemporaryFolder folder_;
    std::optional<StoredModel> model_;
};

TEST_F(Requests, TokensOutsideTheVocabulary) {
    EXPECT_EQ(count_faults(faults_of_tokens({1, 40, 2}), {"token 40", "vocabulary of 40"}), 1);
    EXPECT_EQ(count_faults(faults_of_tokens({-1}), {"token -1"}), 1);
}

TEST_F(Requests, MoreTokensThanPositions) {
    const std::vector<std::int32_t> enough(64, 1);
    EXPECT_EQ(transformer::logits_of(world(), model_->catalogue, model_->source(), enough).size(),
              64U * 40U);
    const std::vector<std::int32_t> many(65, 1);
    EXPECT_EQ(count_faults(faults_of_tokens(many), {"65 tokens", "64 positions"}), 1);
}

TEST(Perplexity, IsNoNumberWhereActivationsOverflow) {
    OddModel odd = odd_mistral();
    odd.erase("model.layers.0.mlp.down_proj.weight");
    odd.erase("model.layers.0.mlp.up_proj.weight");
    odd.tensors.push_back(random_tensor("model.layers.0.mlp.down_proj.weight",
                                        support::ScalarType::float32, {20, 30}, 1, 1e30F));
    odd.tensors.push_back(random_tensor("model.layers.0.mlp.up_proj.weight",
                                        support::ScalarType::float32, {30, 20}, 1, 1e30F));
    const TemporaryFolder folder;
    odd.write(folder / "m");
    StoredModel model(folder / "m");
    const model::TokenSequences windows{4, {1, 2, 3, 4}};
    EXPECT_FALSE(transformer::measure_perplexity(world(), parallel::NodeMap(world()),
                                                 model.catalogue, model.source(), windows, {})
                     .is_number());
}

TEST_F(Requests, WindowsThatPredictNothing) {
    EXPECT_EQ(count_faults(faults_of_windows({1, {1, 2, 3}}), {"fewer than 2 tokens"}), 1);
    EXPECT_EQ(count_faults(faults_of_windows({0, {}}), {"fewer than 2 tokens"}), 1);
    EXPECT_EQ(count_faults(faults_of_windows({5, {1, 2}}), {"no window"}), 1);
}

}  // namespace
}  // namespace alphaprune::test
