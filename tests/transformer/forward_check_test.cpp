// Heads, biases and other tensors that config.json and the files do not agree about: what the
// forward pass takes is what transformers takes, and a user is told.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "alphaprune/transformer/forward_plan.hpp"
#include "model/faults.hpp"
#include "support/temporary_folder.hpp"
#include "support/world.hpp"
#include "transformer/logits.hpp"
#include "transformer/odd_models.hpp"
#include "transformer/stored_model.hpp"

namespace alphaprune::test {
namespace {

const std::vector<std::int32_t> kTokens{3, 17, 0, 39, 8, 8, 25, 11};

/// A model written to a folder of its own (one a rank).
struct Written {
    explicit Written(const OddModel& odd) {
        odd.write(folder / "m");
        model.emplace(folder / "m");
    }
    std::vector<float> logits() {
        return transformer::logits_of(world(), model->catalogue, model->source(), kTokens);
    }
    std::vector<std::string> warnings(transformer::PassReach reach = transformer::PassReach::head) {
        return transformer::check_forward_pass(world(), model->catalogue, model->source(), reach);
    }
    std::vector<support::Fault> faults(
        transformer::PassReach reach = transformer::PassReach::head) {
        return faults_of([&] { warnings(reach); });
    }
    TemporaryFolder folder;
    std::optional<StoredModel> model;
};

std::vector<float> logits_of(const OddModel& odd) {
    return Written(odd).logits();
}

const StoredTensor& tensor_of(const OddModel& odd, const std::string& name) {
    return *std::ranges::find(odd.tensors, name, &StoredTensor::name);
}

void erase_all(OddModel& odd, const std::string& part) {
    EXPECT_GT(std::erase_if(odd.tensors,
                            [&](const StoredTensor& tensor) {
                                return tensor.name.find(part) != std::string::npos;
                            }),
              0U)
        << part;
}

OddModel tied(OddModel odd) {
    odd.replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
    return odd;
}

/// The head of `odd` with the values of its embedding.
OddModel with_equal_head(OddModel odd) {
    StoredTensor head = tensor_of(odd, "model.embed_tokens.weight");
    head.name = "lm_head.weight";
    odd.erase(head.name);
    odd.tensors.push_back(std::move(head));
    return odd;
}

/// Each rank has a folder of its own, and so a fault of its own.
bool is_among(const std::vector<support::Fault>& faults,
              const std::vector<std::string_view>& parts) {
    return count_faults(faults, parts) > 0;
}

bool mentions(const std::string& text, const std::vector<std::string>& parts) {
    return std::ranges::all_of(
        parts, [&](const std::string& part) { return text.find(part) != std::string::npos; });
}

TEST(Head, AStoredOneIsUsedAlthoughItShouldBeTied) {
    Written model(tied(odd_llama()));
    EXPECT_EQ(model.logits(), logits_of(odd_llama()));
    const auto warnings = model.warnings();
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_TRUE(mentions(warnings[0],
                         {"lm_head.weight", "model.embed_tokens.weight", "tie_word_embeddings"}));
    EXPECT_TRUE(model.warnings(transformer::PassReach::blocks).empty())
        << "where no head is needed";
}

TEST(Head, ASingleValueMakesTheDifference) {
    OddModel odd = with_equal_head(tied(odd_llama()));
    EXPECT_TRUE(Written(odd).warnings().empty());
    for (const std::size_t row : {0U, 20U, 39U}) {
        OddModel other = odd;
        other.tensors.back().bytes[(row * 20 + 7) * sizeof(float)] ^= std::byte{1};
        EXPECT_EQ(Written(other).warnings().size(), 1U) << "row " << row;
    }
}

TEST(Head, AStoredOneThatEqualsTheEmbeddingIsTheTiedOne) {
    OddModel bare = tied(odd_llama());
    bare.erase("lm_head.weight");
    EXPECT_EQ(logits_of(with_equal_head(tied(odd_llama()))), logits_of(bare));
    EXPECT_TRUE(Written(bare).warnings().empty());
}

TEST(Head, AloneInTheFilesItIsTheEmbeddingToo) {
    OddModel alone = with_equal_head(tied(odd_llama()));
    alone.erase("model.embed_tokens.weight");
    EXPECT_EQ(logits_of(alone), logits_of(with_equal_head(odd_llama())));
    OddModel untied = with_equal_head(odd_llama());
    untied.erase("model.embed_tokens.weight");
    EXPECT_TRUE(is_among(Written(untied).faults(transformer::PassReach::blocks),
                         {"missing", "model.embed_tokens.weight"}));
}

TEST(Head, OfOptIsStoredToo) {
    OddModel odd = odd_opt();  // tied, by the family's default
    odd.tensors.push_back(
        random_tensor("lm_head.weight", support::ScalarType::float32, {40, 12}, 9, 1));
    OddModel untied = odd;
    untied.replace("\"model_type\"", "\"tie_word_embeddings\": false, \"model_type\"");
    Written model(odd);
    EXPECT_EQ(model.logits(), logits_of(untied));
    EXPECT_EQ(model.warnings().size(), 1U);
    EXPECT_NE(model.logits(), logits_of(odd_opt()));
}

TEST(Head, IsNeededForLogitsAlone) {
    for (const std::string name : {"lm_head.weight", "model.norm.weight"}) {
        OddModel odd = odd_llama();
        odd.erase(name);
        Written model(odd);
        EXPECT_TRUE(model.warnings(transformer::PassReach::blocks).empty());
        EXPECT_TRUE(is_among(model.faults(), {name})) << text_of(model.faults());
        EXPECT_TRUE(is_among(faults_of([&] { model.logits(); }), {name}));
    }
    OddModel odd = odd_llama();
    odd.erase("lm_head.weight");
    EXPECT_TRUE(is_among(Written(odd).faults(), {"no head", "tie_word_embeddings"}));
    OddModel opt = odd_opt();
    opt.erase("model.decoder.project_out.weight");
    Written narrow(opt);
    EXPECT_TRUE(narrow.warnings(transformer::PassReach::blocks).empty());
    EXPECT_TRUE(is_among(narrow.faults(), {"model.decoder.project_out.weight"}));
    OddModel wrong = odd_llama();
    wrong.erase("lm_head.weight");
    wrong.tensors.push_back(
        random_tensor("lm_head.weight", support::ScalarType::float32, {41, 20}, 1));
    EXPECT_TRUE(Written(wrong).warnings(transformer::PassReach::blocks).empty());
    EXPECT_TRUE(is_among(Written(wrong).faults(), {"lm_head.weight is [41, 20]"}));
}

/// Biases that are stored, are not used once `odd` denies them, and are named.
void expect_left_out(const OddModel& odd, const std::string& part, const std::string& named) {
    OddModel without = odd;
    erase_all(without, part);
    Written model(odd);
    EXPECT_EQ(model.logits(), logits_of(without));
    EXPECT_TRUE(Written(without).warnings().empty());
    const auto warnings = model.warnings(transformer::PassReach::blocks);
    ASSERT_EQ(warnings.size(), 1U) << part;
    EXPECT_TRUE(mentions(warnings[0], {"biases", named})) << warnings[0];
}

TEST(Biases, ThatTheConfigurationDeniesAreLeftOut) {
    OddModel attention = odd_llama();
    attention.replace("\"attention_bias\": true", "\"attention_bias\": false");
    erase_all(attention, "mlp.gate_proj.bias");
    erase_all(attention, "mlp.up_proj.bias");
    erase_all(attention, "mlp.down_proj.bias");
    attention.replace("\"mlp_bias\": true", "\"mlp_bias\": false");
    expect_left_out(attention, "_proj.bias", "model.layers.0.self_attn.q_proj.bias");

    OddModel silent = odd_llama();  // absent flags are false
    silent.replace("\"attention_bias\": true, \"mlp_bias\": true,", "");
    expect_left_out(silent, "_proj.bias", "and 8 more");

    OddModel mistral = odd_llama();  // whatever its flags say
    mistral.replace("llama", "mistral");
    expect_left_out(mistral, "_proj.bias", "model.layers.0.self_attn.q_proj.bias");

    OddModel norms = odd_llama();
    norms.tensors.push_back(
        random_tensor("model.norm.bias", support::ScalarType::float32, {20}, 3));
    norms.tensors.push_back(random_tensor("lm_head.bias", support::ScalarType::float32, {40}, 3));
    Written model(norms);
    EXPECT_EQ(model.logits(), logits_of(odd_llama()));
    ASSERT_EQ(model.warnings().size(), 1U);
    EXPECT_TRUE(mentions(model.warnings()[0], {"model.norm.bias, lm_head.bias"}));
}

TEST(Biases, OfOptFollowEnableBiasButForItsNorms) {
    OddModel odd = odd_opt();
    odd.replace("\"model_type\"", "\"enable_bias\": false, \"model_type\"");
    OddModel without = odd;
    erase_all(without, "_proj.bias");
    erase_all(without, "fc1.bias");
    erase_all(without, "fc2.bias");
    Written model(odd);
    EXPECT_EQ(model.logits(), logits_of(without));
    EXPECT_NE(model.logits(), logits_of(odd_opt()));
    ASSERT_EQ(model.warnings().size(), 1U);
    EXPECT_TRUE(mentions(model.warnings()[0], {"model.decoder.layers.0.self_attn.k_proj.bias"}));
}

TEST(Biases, OfQwen2AreThoseOfTheInputsAlone) {
    OddModel odd = odd_llama();
    odd.replace("llama", "qwen2");
    OddModel fitting = odd;
    erase_all(fitting, "o_proj.bias");
    erase_all(fitting, "mlp.gate_proj.bias");
    erase_all(fitting, "mlp.up_proj.bias");
    erase_all(fitting, "mlp.down_proj.bias");
    EXPECT_TRUE(Written(fitting).warnings().empty());
    EXPECT_EQ(logits_of(odd), logits_of(fitting));
    EXPECT_EQ(Written(odd).warnings().size(), 1U);
    erase_all(fitting, "k_proj.bias");
    EXPECT_TRUE(is_among(Written(fitting).faults(transformer::PassReach::blocks),
                         {"missing", "model.layers.0.self_attn.k_proj.bias",
                          "model.layers.1.self_attn.k_proj.bias"}));
}

TEST(Biases, ThatTheConfigurationAnnouncesMustBeThere) {
    OddModel odd = odd_llama();
    odd.erase("model.layers.1.self_attn.o_proj.bias");
    odd.erase("model.layers.0.mlp.down_proj.bias");
    EXPECT_TRUE(is_among(
        Written(odd).faults(transformer::PassReach::blocks),
        {"missing", "model.layers.1.self_attn.o_proj.bias", "model.layers.0.mlp.down_proj.bias"}));
}

TEST(UnknownTensors, AreNamedUnlessTheyAreBuffers) {
    OddModel odd = odd_llama();
    for (const std::string name :
         {"model.layers.0.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq",
          "model.layers.1.self_attn.masked_bias"}) {
        odd.tensors.push_back(random_tensor(name, support::ScalarType::float32, {3}, 1));
    }
    odd.tensors.push_back(random_tensor("model.layers.0.self_attn.bias",  // a causal mask
                                        support::ScalarType::float32, {1, 1, 5, 5}, 1));
    EXPECT_TRUE(Written(odd).warnings().empty());
    odd.tensors.push_back(random_tensor("model.layers.1.self_attn.q_norm.weight",
                                        support::ScalarType::float32, {6}, 1));
    odd.tensors.push_back(
        random_tensor("model.layers.0.self_attn.sinks", support::ScalarType::float32, {4}, 1));
    const auto warnings = Written(odd).warnings(transformer::PassReach::blocks);
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_TRUE(mentions(warnings[0], {"model.layers.1.self_attn.q_norm.weight",
                                       "model.layers.0.self_attn.sinks", "model_type"}))
        << warnings[0];
}

}  // namespace
}  // namespace alphaprune::test
