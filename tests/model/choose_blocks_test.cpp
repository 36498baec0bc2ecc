#include <gtest/gtest.h>

#include "model/faults.hpp"
#include "model/named_tensors.hpp"

namespace alphaprune::test {
namespace {

/// A stack of blocks as wide as that.
std::vector<Named> stack(const std::string& prefix, int blocks, std::int64_t hidden,
                         std::int64_t intermediate) {
    return in_blocks(prefix, blocks,
                     {{"self_attn.q_proj.weight", {hidden, hidden}},
                      {"mlp.fc1.weight", {intermediate, hidden}},
                      {"mlp.fc2.weight", {hidden, intermediate}}});
}

std::string prefix_of(const std::string& config, const std::vector<Named>& tensors,
                      const model::MatrixChoice& choice = {}) {
    return catalogue_of(config, tensors, choice).decoder.prefix;
}

const std::string kText = R"("num_hidden_layers": 4, "hidden_size": 8, "intermediate_size": 20)";

TEST(ChooseBlocks, WhatTheTextPartDescribesWhateverThePrefix) {
    for (const char* prefix :
         {"language_model.model.layers.", "model.language_model.layers.", "thinker.model.layers.",
          "model.text_model.layers.", "llm.model.layers.", "a.b.layers."}) {
        for (const std::string& part : std::vector<std::string>{
                 R"({"text_config": {)" + kText + "}}", R"({"llm_config": {)" + kText + "}}",
                 R"({"language_config": {)" + kText + "}}",
                 R"({"thinker_config": {"text_config": {)" + kText + "}}}",
                 R"({"num_hidden_layers": 6, "hidden_size": 32, "text_config": {)" + kText +
                     "}}"}) {
            // A larger tower with more blocks, and one as deep that is larger.
            EXPECT_EQ(
                prefix_of(part, stack("vision_tower.encoder.layers.", 6, 32, 64) +
                                    stack("audio.blocks.", 4, 16, 64) + stack(prefix, 4, 8, 20)),
                prefix)
                << part;
        }
    }
}

TEST(ChooseBlocks, TheIntermediateSizeAndThenTheNameTell) {
    const std::string config = R"({"text_config": {)" + kText + "}}";
    EXPECT_EQ(prefix_of(config, stack("x.layers.", 4, 8, 32) + stack("y.layers.", 4, 8, 20)),
              "y.layers.");
    EXPECT_EQ(prefix_of(config, stack("vision_tower.layers.", 4, 8, 20) +
                                    stack("language_model.layers.", 4, 8, 20)),
              "language_model.layers.");
}

TEST(ChooseBlocks, WhatTheSizesDoNotTellIsNotGuessed) {
    const std::string config = R"({"text_config": {)" + kText + "}}";
    const auto tensors = stack("x.layers.", 4, 8, 20) + stack("y.layers.", 4, 8, 20);
    const auto faults = faults_of([&] { catalogue_of(config, tensors); });
    EXPECT_EQ(count_faults(faults, {"x.layers.<0-3>", "y.layers.<0-3>"}), 1) << text_of(faults);
    EXPECT_NE(text_of(faults).find("--exclude"), std::string::npos);
    EXPECT_EQ(prefix_of(config, tensors, choice_of({}, {"^x\\."})), "y.layers.");
    EXPECT_EQ(prefix_of(config, tensors, choice_of({"^x\\.layers\\..*fc1"}, {})), "x.layers.");
    // A model that says nothing of itself: the larger part is not taken for the decoder.
    const auto silent = faults_of(
        [] { catalogue_of("{}", stack("a.layers.", 3, 32, 64) + stack("b.layers.", 2, 8, 20)); });
    EXPECT_EQ(count_faults(silent, {"a.layers.<0-2>", "b.layers.<0-1>"}), 1) << text_of(silent);
}

TEST(ChooseBlocks, ATowerIsNotTakenForATextModelThatIsNotThere) {
    const auto faults = faults_of([] {
        catalogue_of(R"({"text_config": {)" + kText + "}}",
                     stack("vision_tower.layers.", 6, 32, 64));
    });
    EXPECT_EQ(count_faults(faults, {"4 blocks of hidden size 8", "vision_tower.layers.<0-5>"}), 1)
        << text_of(faults);
}

TEST(ChooseBlocks, SizesThatTextConfigLeavesOutAreThoseOfItsKind) {
    // As LLaVA's text_config: a name and little else.
    const std::string config =
        R"({"text_config": {"model_type": "stablelm", "vocab_size": 32064},
            "vision_config": {"num_hidden_layers": 24, "hidden_size": 1024}})";
    EXPECT_EQ(prefix_of(config, stack("one.layers.", 32, 1024, 4096) +
                                    stack("two.layers.", 32, 2560, 6912)),
              "two.layers.");
}

TEST(ChooseBlocks, OfAnEncoderAndADecoderTheDecoder) {
    const std::string config =
        R"({"model_type": "t5", "d_model": 8, "d_ff": 20, "num_layers": 2, "num_decoder_layers": 3})";
    const model::Catalogue catalogue =
        catalogue_of(config, stack("encoder.block.", 3, 8, 20) + stack("decoder.block.", 3, 8, 20));
    EXPECT_EQ(catalogue.decoder.prefix, "decoder.block.");
    EXPECT_EQ(catalogue.blocks(), 3);
    ASSERT_EQ(catalogue.warnings.size(), 1U);
    EXPECT_NE(catalogue.warnings[0].find("encoder.block.<0-2>"), std::string::npos)
        << catalogue.warnings[0];
    EXPECT_EQ(
        prefix_of(config, stack("encoder.block.", 3, 8, 20) + stack("decoder.block.", 3, 8, 20),
                  choice_of({}, {"^decoder"})),
        "encoder.block.");
}

TEST(ChooseBlocks, ABlockWhoseMatricesAreExcludedIsStillOne) {
    const model::Catalogue catalogue =
        catalogue_of(R"({"num_hidden_layers": 3})", stack("layers.", 3, 8, 20),
                     choice_of({}, {"layers\\.[02]\\."}));
    EXPECT_EQ(catalogue.prunable_blocks(), std::vector<int>{1});
    EXPECT_EQ(catalogue.decoder.count, 3);
}

}  // namespace
}  // namespace alphaprune::test
