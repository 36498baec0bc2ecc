#include "alphaprune/model/configuration.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "alphaprune/support/file.hpp"
#include "model/faults.hpp"

namespace alphaprune::test {
namespace {

const std::string kModels = std::string(ALPHAPRUNE_SOURCE_DIR) + "/tests/data/models/";

model::ModelConfiguration read(const std::string& text) {
    return model::read_configuration(formats::Json::parse(text, "config.json"), "config.json");
}

model::ModelConfiguration read_model(const std::string& name) {
    return read(support::read_text(kModels + name + "/config.json"));
}

/// A complete config with `more` members put in front.
std::string with(const std::string& model_type, const std::string& more) {
    const std::string wide = model_type == "opt" ? "ffn_dim" : "intermediate_size";
    return "{" + more + R"("model_type": ")" + model_type + R"(", "hidden_size": 768, ")" + wide +
           R"(": 3072, "num_hidden_layers": 30, "num_attention_heads": 32, "vocab_size": 1000})";
}

std::vector<support::Fault> faults_in(const std::string& text) {
    return faults_of([&] { read(text); });
}

TEST(Configuration, ReadsLlamaWithNewRope) {
    const model::ModelConfiguration model = read_model("tiny-llama3");
    EXPECT_EQ(model.model_type, "llama");
    EXPECT_EQ(model.architecture, "LlamaForCausalLM");
    EXPECT_EQ(model.hidden_size, 64);
    EXPECT_EQ(model.intermediate_size, 160);
    EXPECT_EQ(model.blocks, 3);
    EXPECT_EQ(model.heads, 4);
    EXPECT_EQ(model.key_value_heads, 2);
    EXPECT_EQ(model.head_size, 16);
    EXPECT_EQ(model.vocabulary, 512);
    EXPECT_EQ(model.max_positions, 256);
    EXPECT_EQ(model.embedding_size, 64);
    EXPECT_EQ(model.norm_epsilon, 1e-6);
    EXPECT_EQ(model.activation, "silu");
    EXPECT_FALSE(model.tied_embeddings);
    EXPECT_FALSE(model.sliding_window);
    EXPECT_EQ(model.rope.type, "llama3");
    EXPECT_EQ(model.rope.theta, 500000.0);
    EXPECT_EQ(model.rope.factor, 8.0);
    EXPECT_EQ(model.rope.low_freq_factor, 1.0);
    EXPECT_EQ(model.rope.high_freq_factor, 4.0);
    EXPECT_EQ(model.rope.original_max_positions, 64);
}

TEST(Configuration, ReadsTheOtherFamilies) {
    const model::ModelConfiguration mistral = read_model("tiny-mistral");
    EXPECT_EQ(mistral.sliding_window, 32);
    EXPECT_EQ(mistral.window_of(2), 32);
    EXPECT_EQ(mistral.rope.type, "default");

    const model::ModelConfiguration qwen = read_model("tiny-qwen2");
    EXPECT_TRUE(qwen.tied_embeddings);
    EXPECT_FALSE(qwen.sliding_window);
    EXPECT_EQ(qwen.head_size, 16);

    const model::ModelConfiguration opt = read_model("tiny-opt");
    EXPECT_EQ(opt.intermediate_size, 256);
    EXPECT_EQ(opt.embedding_size, 64);
    EXPECT_EQ(opt.key_value_heads, 4);
    EXPECT_EQ(opt.activation, "relu");
    EXPECT_TRUE(opt.norm_before);
    EXPECT_TRUE(opt.norm_affine);
    EXPECT_FALSE(opt.final_norm_removed);
    EXPECT_TRUE(opt.tied_embeddings);
    EXPECT_EQ(opt.norm_epsilon, 1e-5);
}

TEST(Configuration, OldRopeFormMeansTheSame) {
    const model::ModelConfiguration old = read(with(
        "llama",
        R"("rope_theta": 500000.0, "torch_dtype": "bfloat16", "max_position_embeddings": 131072,
           "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.5,
           "high_freq_factor": 4.5, "original_max_position_embeddings": 8192}, )"));
    EXPECT_EQ(old.rope.type, "llama3");
    EXPECT_EQ(old.rope.theta, 500000.0);
    EXPECT_EQ(old.rope.factor, 32.0);
    EXPECT_EQ(old.rope.low_freq_factor, 1.5);
    EXPECT_EQ(old.rope.high_freq_factor, 4.5);
    EXPECT_EQ(old.rope.original_max_positions, 8192);

    const model::ModelConfiguration oldest =
        read(with("llama", R"("rope_scaling": {"type": "linear", "factor": 2}, )"));
    EXPECT_EQ(oldest.rope.type, "linear");
    EXPECT_EQ(oldest.rope.factor, 2.0);
    EXPECT_EQ(oldest.rope.theta, 10000.0);
    EXPECT_EQ(oldest.rope.original_max_positions, 2048);

    EXPECT_EQ(read(with("llama", R"("rope_scaling": null, "rope_theta": 7, )")).rope.theta, 7.0);
}

/// The same configurations in the words of transformers 4, defaults left out.
TEST(Configuration, ClassicFilesMeanTheSame) {
    int compared = 0;
    for (const auto& folder : std::filesystem::directory_iterator(kModels)) {
        const auto classic = folder.path() / "config.classic.json";
        if (std::filesystem::exists(classic)) {
            const std::string text = support::read_text(classic);
            model::ModelConfiguration expected =
                read(support::read_text(folder.path() / "config.json"));
            if (text.find("_position") == std::string::npos) {
                expected.max_positions = 2048;  // tiny-falcon's is not the default
            }
            EXPECT_EQ(read(text), expected) << folder.path();
            ++compared;
        }
    }
    EXPECT_GE(compared, 9);
}

/// YaRN where nothing is said of positions.
TEST(Configuration, GptOssDefaults) {
    const auto read_oss = [](const std::string& more) {
        return read(R"({"model_type": "gpt_oss", "hidden_size": 8, "vocab_size": 10,
            "intermediate_size": 4, "num_hidden_layers": 3, "num_attention_heads": 8)" +
                    more + "}");
    };
    const model::ModelConfiguration usual = read_oss("");
    EXPECT_EQ(usual.rope.type, "yarn");
    EXPECT_EQ(usual.rope.factor, 32);
    EXPECT_EQ(usual.rope.theta, 150000);
    EXPECT_EQ(usual.rope.original_max_positions, 4096);
    EXPECT_FALSE(usual.rope.truncate);
    EXPECT_EQ(usual.head_size, 64);
    EXPECT_EQ(usual.experts, 128);
    EXPECT_EQ(usual.experts_per_token, 4);
    EXPECT_EQ(usual.gate_limit, 7);
    EXPECT_EQ(usual.gate_steepness, 1.702);
    EXPECT_TRUE(usual.attention_bias);
    EXPECT_EQ(usual.window_of(0), 128);
    EXPECT_FALSE(usual.window_of(1));
    EXPECT_EQ(usual.window_of(2), 128);
    EXPECT_EQ(read_oss(R"(, "rope_scaling": null, "rope_theta": 5)").rope.theta, 5);
    EXPECT_EQ(read_oss(R"(, "rope_scaling": null, "rope_theta": 5)").rope.type, "yarn");
    EXPECT_EQ(read_oss(R"(, "rope_parameters": {"rope_type": "default"})").rope.type, "default");
}

TEST(Configuration, WindowsInAPattern) {
    const auto gemma2 = read(with("gemma2", ""));
    EXPECT_EQ(gemma2.window_of(0), 4096);
    EXPECT_FALSE(gemma2.window_of(1));
    const auto gemma3 = read(with("gemma3_text", R"("sliding_window": 7, )"));
    EXPECT_EQ(gemma3.window_of(4), 7);
    EXPECT_FALSE(gemma3.window_of(5));
    EXPECT_EQ(gemma3.rope_of(4).theta, 1e4);
    EXPECT_EQ(gemma3.rope_of(5).theta, 1e6);
    const auto cohere = read(with("cohere2", R"("sliding_window_pattern": 3, )"));
    EXPECT_FALSE(cohere.window_of(2));
    EXPECT_FALSE(read(with("starcoder2", "")).window_of(0));
}

/// Which heads Falcon has, and behind which norms it reads.
TEST(Configuration, FalconsArchitectures) {
    const auto old = read(with("falcon", R"("num_kv_heads": 32, )"));
    EXPECT_EQ(old.key_value_heads, 1);
    EXPECT_TRUE(old.parallel && old.shared_norm);
    EXPECT_FALSE(old.alibi || old.all_biases);
    EXPECT_TRUE(old.tied_embeddings);
    const auto in_turn = read(with("falcon", R"("multi_query": false, "num_kv_heads": 1,
        "parallel_attn": false, "alibi": true, "bias": true, )"));
    EXPECT_EQ(in_turn.key_value_heads, 32);
    EXPECT_FALSE(in_turn.parallel || in_turn.shared_norm);
    EXPECT_TRUE(in_turn.alibi && in_turn.all_biases);
    const std::string groups = R"("new_decoder_architecture": true, "num_kv_heads": 8, )";
    const auto grouped = read(with("falcon", groups));
    EXPECT_EQ(grouped.key_value_heads, 8);
    EXPECT_FALSE(grouped.shared_norm);
    EXPECT_TRUE(read(with("falcon", groups + R"("num_ln_in_parallel_attn": 1, )")).shared_norm);
    const auto refuses = [&](const std::string& fields, const std::string& word) {
        return count_faults(faults_in(with("falcon", fields)), {word}) == 1;
    };
    EXPECT_TRUE(refuses(groups + R"("num_ln_in_parallel_attn": 3, )", "num_ln_in_parallel_attn"));
    EXPECT_TRUE(refuses(R"("num_ln_in_parallel_attn": 2, )", "num_ln_in_parallel_attn"));
    EXPECT_TRUE(refuses(groups + R"("parallel_attn": false, )", "parallel_attn"));
    EXPECT_TRUE(
        refuses(R"("new_decoder_architecture": true, "num_kv_heads": 7, )", "num_kv_heads"));
}

TEST(Configuration, HeadsThatDivideTheHiddenStateWhateverElseIsSaid) {
    for (const char* family : {"gpt2", "gpt_neox", "falcon"}) {
        const auto model = read(
            with(family, R"("head_dim": 99, "num_key_value_heads": 8, "multi_query": false, )"));
        EXPECT_EQ(model.head_size, 24) << family;
        EXPECT_EQ(model.key_value_heads, 32) << family;
        const std::string uneven = R"({"model_type": ")" + std::string(family) +
                                   R"(", "hidden_size": 10, "intermediate_size": 9, "head_dim": 2,
                "num_hidden_layers": 1, "num_attention_heads": 4, "vocab_size": 9})";
        EXPECT_EQ(count_faults(faults_in(uneven), {"num_attention_heads"}), 1) << family;
    }
}

TEST(Configuration, ScalesOfGpt2) {
    const auto gpt2 = read(with("gpt2", R"("scale_attn_by_inverse_layer_idx": true, )"));
    EXPECT_DOUBLE_EQ(gpt2.attention_scale, 1 / std::sqrt(24.0));
    EXPECT_TRUE(gpt2.scale_by_block);
    EXPECT_EQ(read(with("gpt2", R"("scale_attn_weights": false, )")).attention_scale, 1);
    EXPECT_EQ(read(R"({"model_type": "gpt2", "n_layer": 2, "n_embd": 8, "n_head": 2,
                       "n_inner": null, "vocab_size": 9})")
                  .intermediate_size,
              32);
    EXPECT_EQ(count_faults(faults_in(with("gpt2", R"("add_cross_attention": true, )")),
                           {"add_cross_attention"}),
              1);
}

TEST(Configuration, GptNeoxRotatesAQuarterUnlessItSaysOtherwise) {
    EXPECT_EQ(read(with("gpt_neox", "")).rope.share, 0.25);
    EXPECT_EQ(read(with("gpt_neox", R"("rotary_pct": 1.0, )")).rope.share, 1);
    EXPECT_EQ(read(with("gpt_neox", R"("rotary_emb_base": 5000, )")).rope.theta, 5000);
    EXPECT_TRUE(read(with("gpt_neox", "")).attention_bias);
    EXPECT_FALSE(read(with("gpt_neox", R"("use_parallel_residual": false, )")).parallel);
}

TEST(Configuration, AKindOfBlockThatIsNotKnownIsRefused) {
    std::string kinds = R"("layer_types": ["chunked_attention")";
    for (int block = 1; block < 30; ++block) {
        kinds += R"(, "full_attention")";
    }
    const auto faults = faults_in(with("gemma2", kinds + "], "));
    EXPECT_EQ(count_faults(faults, {"layer_types", "chunked_attention"}), 1) << text_of(faults);
}

TEST(Configuration, AbsentFieldsGetTheDefaultsOfTheFamily) {
    const model::ModelConfiguration llama = read(with("llama", ""));
    EXPECT_EQ(llama.key_value_heads, 32);
    EXPECT_EQ(llama.head_size, 24);
    EXPECT_EQ(llama.max_positions, 2048);
    EXPECT_EQ(llama.norm_epsilon, 1e-6);
    EXPECT_EQ(llama.rope.theta, 10000.0);
    EXPECT_FALSE(llama.tied_embeddings);

    const model::ModelConfiguration mistral = read(with("mistral", ""));
    EXPECT_EQ(mistral.key_value_heads, 8);
    EXPECT_EQ(mistral.sliding_window, 4096);
    EXPECT_EQ(mistral.max_positions, 131072);

    const model::ModelConfiguration qwen = read(with("qwen2", ""));
    EXPECT_EQ(qwen.key_value_heads, 32);
    EXPECT_FALSE(qwen.sliding_window);
    EXPECT_EQ(qwen.max_positions, 32768);

    const model::ModelConfiguration opt = read(with("opt", ""));
    EXPECT_TRUE(opt.tied_embeddings);
    EXPECT_EQ(opt.activation, "relu");
    EXPECT_EQ(opt.embedding_size, 768);
}

TEST(Configuration, NullIsNotAlwaysAbsent) {
    const model::ModelConfiguration mistral = read(with(
        "mistral", R"("sliding_window": null, "num_key_value_heads": null, "head_dim": null, )"));
    EXPECT_FALSE(mistral.sliding_window);
    EXPECT_EQ(mistral.key_value_heads, 32);
    EXPECT_EQ(mistral.head_size, 24);
}

TEST(Configuration, HeadSizeNeedNotDivideTheHiddenSize) {
    EXPECT_EQ(read(with("mistral", R"("head_dim": 128, )")).head_size, 128);
}

TEST(Configuration, QwenWindowsOnlyOnRequestAndFromSomeBlockOn) {
    EXPECT_FALSE(read(with("qwen2", R"("sliding_window": 100, )")).sliding_window);

    const auto late = read(with("qwen2", R"("use_sliding_window": true, "sliding_window": 100, )"));
    EXPECT_EQ(late.sliding_window, 100);
    EXPECT_FALSE(late.window_of(27));
    EXPECT_EQ(late.window_of(28), 100);

    const auto never =
        read(with("qwen2", R"("use_sliding_window": true, "max_window_layers": 30, )"));
    EXPECT_FALSE(never.sliding_window);
    EXPECT_FALSE(never.window_of(29));

    const auto always =
        read(with("qwen2", R"("use_sliding_window": true, "max_window_layers": 0, )"));
    EXPECT_EQ(always.window_of(0), 4096);
}

TEST(Configuration, QwenWindowsByBlockKinds) {
    std::string kinds;
    for (int block = 0; block < 30; ++block) {
        kinds += block == 0 ? "" : ",";
        kinds += block % 2 == 0 ? R"("full_attention")" : R"("sliding_attention")";
    }
    const std::string fields = R"("use_sliding_window": true, "sliding_window": 9, )";
    const auto model = read(with("qwen2", fields + R"("layer_types": [)" + kinds + "], "));
    EXPECT_FALSE(model.window_of(0));
    EXPECT_EQ(model.window_of(1), 9);
    EXPECT_FALSE(model.window_of(28));
    const auto faults = faults_in(with("qwen2", fields + R"("layer_types": ["full_attention"], )"));
    EXPECT_EQ(count_faults(faults, {"layer_types", "30"}), 1) << text_of(faults);
}

TEST(Configuration, AllFaultsAreReportedTogether) {
    const auto faults = faults_in(R"({"model_type": "llama", "hidden_size": "big",
        "intermediate_size": -4, "num_hidden_layers": 2.5, "rms_norm_eps": 0,
        "tie_word_embeddings": "yes", "rope_scaling": {"type": "linear"}, "rope_theta": -1})");
    EXPECT_EQ(count_faults(faults, {"hidden_size", "big", "config.json"}), 1);
    EXPECT_EQ(count_faults(faults, {"intermediate_size", "-4"}), 1);
    EXPECT_EQ(count_faults(faults, {"num_hidden_layers", "2.5"}), 1);
    EXPECT_EQ(count_faults(faults, {"num_attention_heads is missing"}), 1);
    EXPECT_EQ(count_faults(faults, {"vocab_size is missing"}), 1);
    EXPECT_EQ(count_faults(faults, {"rms_norm_eps"}), 1);
    EXPECT_EQ(count_faults(faults, {"tie_word_embeddings"}), 1);
    EXPECT_EQ(count_faults(faults, {"rope_scaling.factor is missing"}), 1);
    EXPECT_EQ(count_faults(faults, {"rope_theta"}), 1);
    EXPECT_EQ(faults.size(), 9U) << text_of(faults);
}

TEST(Configuration, HeadsMustDivide) {
    const auto grouped = faults_in(with("llama", R"("num_key_value_heads": 5, )"));
    EXPECT_EQ(count_faults(grouped, {"num_attention_heads", "32", "5"}), 1) << text_of(grouped);
    const auto sizes = faults_in(R"({"model_type": "opt", "hidden_size": 100, "ffn_dim": 5,
        "num_hidden_layers": 1, "num_attention_heads": 7, "vocab_size": 9})");
    EXPECT_EQ(count_faults(sizes, {"hidden_size", "100", "7"}), 1) << text_of(sizes);
}

TEST(Configuration, ABillionBlocksAreASlip) {
    const auto faults = faults_in(R"({"model_type": "opt", "hidden_size": 8, "ffn_dim": 5,
        "num_hidden_layers": 1000000000, "num_attention_heads": 1, "vocab_size": 9})");
    EXPECT_EQ(count_faults(faults, {"num_hidden_layers"}), 1) << text_of(faults);
}

TEST(Configuration, NotAnObject) {
    EXPECT_EQ(count_faults(faults_in("[1, 2]"), {"not a JSON object"}), 1);
}

TEST(Configuration, UnknownFamiliesRequireNothing) {
    const model::ModelConfiguration imagegpt = read(
        R"({"model_type": "imagegpt", "n_layer": 12, "n_embd": 768, "n_head": 12, "n_inner": null,
            "layer_norm_epsilon": 1e-05, "vocab_size": "many"})");
    EXPECT_EQ(imagegpt.blocks, 12);
    EXPECT_EQ(imagegpt.hidden_size, 768);
    EXPECT_EQ(imagegpt.head_size, 64);
    EXPECT_EQ(imagegpt.intermediate_size, 0);
    EXPECT_EQ(imagegpt.vocabulary, 0);
    EXPECT_EQ(read("{}").blocks, 0);
    EXPECT_EQ(read(R"({"model_type": "x", "text_config": {"num_hidden_layers": 5}})").blocks, 5);
}

}  // namespace
}  // namespace alphaprune::test
