// What config.json says of a language model that is a part of a larger one.
#include <gtest/gtest.h>

#include <string>

#include "alphaprune/model/configuration.hpp"
#include "alphaprune/model/family.hpp"

namespace alphaprune::test {
namespace {

model::ModelConfiguration read_part(const std::string& text) {
    return model::read_configuration(formats::Json::parse(text, "config.json"), "config.json");
}

TEST(LanguagePart, TheLanguageModelOfALargerOne) {
    // As Gemma 3's first files: what is not said is as transformers has it for the type.
    const model::ModelConfiguration gemma3 = read_part(
        R"({"model_type": "gemma3", "vision_config": {"hidden_size": 1152, "model_type": "siglip_vision_model"},
            "text_config": {"model_type": "gemma3_text", "hidden_size": 2560,
                            "intermediate_size": 10240, "num_hidden_layers": 34,
                            "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
                            "sliding_window": 1024}})");
    EXPECT_EQ(model::family_of(gemma3)->name, "gemma3_text");
    EXPECT_TRUE(gemma3.is_part);
    EXPECT_EQ(gemma3.blocks, 34);
    EXPECT_EQ(gemma3.heads, 8);
    EXPECT_EQ(gemma3.key_value_heads, 4);
    EXPECT_EQ(gemma3.head_size, 256);
    EXPECT_EQ(gemma3.vocabulary, 262208);
    EXPECT_EQ(gemma3.rope.factor, 8);
    EXPECT_TRUE(gemma3.tied_embeddings);
    // The whole model's word on ties goes first, and a text's positions need no sections.
    const model::ModelConfiguration qwen2 = read_part(
        R"({"model_type": "qwen2_vl", "tie_word_embeddings": true, "hidden_size": 32,
            "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
            "num_key_value_heads": 2, "vocab_size": 99, "vision_config": {"depth": 2},
            "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}})");
    EXPECT_EQ(model::family_of(qwen2)->name, "qwen2");
    EXPECT_FALSE(qwen2.is_part);
    EXPECT_EQ(qwen2.rope.type, "default");
    EXPECT_TRUE(read_part(
                    R"({"model_type": "llava", "tie_word_embeddings": true, "text_config":
            {"model_type": "llama", "tie_word_embeddings": false}})")
                    .tied_embeddings);
    EXPECT_FALSE(read_part(R"({"model_type": "llava", "text_config": {"model_type": "llama"}})")
                     .tied_embeddings);
}

TEST(LanguagePart, WhereItDiffersFromItsFamily) {
    const std::string experts =
        R"("norm_topk_prob": false, "num_experts": 4, "num_experts_per_tok": 2, "hidden_size": 8,
        "moe_intermediate_size": 4, "num_hidden_layers": 2, "num_attention_heads": 4)";
    EXPECT_TRUE(read_part(R"({"model_type": "qwen3_vl_moe", "text_config":
                {"model_type": "qwen3_vl_moe_text", )" +
                          experts + "}}")
                    .renormalize_experts);
    EXPECT_FALSE(read_part(R"({"model_type": "x", "text_config": {"model_type": "qwen3_moe", )" +
                           experts + "}}")
                     .renormalize_experts);
}

TEST(LanguagePart, ADecoderThatAttendsToAnotherPartIsOfNoFamily) {
    for (const std::string text :
         {R"({"model_type": "vision-encoder-decoder", "is_encoder_decoder": true,
              "decoder": {"model_type": "opt", "hidden_size": 8, "num_hidden_layers": 2}})",
          R"({"model_type": "x", "decoder": {"model_type": "opt", "add_cross_attention": true,
              "hidden_size": 8, "num_hidden_layers": 2}})"}) {
        const model::ModelConfiguration model = read_part(text);
        EXPECT_EQ(model::family_of(model), nullptr);
        EXPECT_EQ(model.blocks, 2);
    }
}

}  // namespace
}  // namespace alphaprune::test
