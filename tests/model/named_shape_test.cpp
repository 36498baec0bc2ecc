#include "alphaprune/model/family.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {
namespace {

std::int64_t parameters_of(const Catalogue& catalogue) {
    std::int64_t parameters = 0;
    for (const TensorInfo& tensor : catalogue.tensors) {
        parameters += tensor.rows() * tensor.row_length();
    }
    return parameters;
}

/// As published: the totals of the safetensors files without tied heads, or (LLaMA, OPT) of the
/// models in PyTorch; opt-66b counted by hand from its published sizes; of Gemma 3 the part for
/// text; of DeepSeek-V3 what is not for multi-token prediction.
const std::map<std::string, std::int64_t> kPublished{
    {"7b", 6'738'415'616},
    {"13b", 13'015'864'320},
    {"30b", 32'528'943'616},
    {"65b", 65'285'660'672},
    {"llama2-7b", 6'738'415'616},
    {"llama2-13b", 13'015'864'320},
    {"llama2-70b", 68'976'648'192},
    {"llama3-8b", 8'030'261'248},
    {"llama3-70b", 70'553'706'496},
    {"llama3-405b", 405'853'388'800},
    {"mistral-7b", 7'241'732'096},
    {"qwen2-7b", 7'615'616'512},
    {"qwen2-72b", 72'706'203'648},
    {"opt-125m", 125'239'296},
    {"opt-1.3b", 1'315'758'080},
    {"opt-2.7b", 2'651'596'800},
    {"opt-6.7b", 6'658'473'984},
    {"opt-13b", 12'853'473'280},
    {"opt-30b", 29'974'540'288},
    {"opt-66b", 65'719'701'504},
    {"llama3.2-1b", 1'235'814'400},
    {"llama3.2-3b", 3'212'749'824},
    {"qwen3-0.6b", 596'049'920},
    {"qwen3-1.7b", 1'720'574'976},
    {"qwen3-4b", 4'022'468'096},
    {"qwen3-8b", 8'190'735'360},
    {"qwen3-14b", 14'768'307'200},
    {"qwen3-32b", 32'762'123'264},
    {"gemma2-2b", 2'614'341'888},
    {"gemma2-9b", 9'241'705'984},
    {"gemma2-27b", 27'227'128'320},
    {"gemma3-4b", 3'880'263'168},
    {"gemma3-12b", 11'766'034'176},
    {"gpt-oss-20b", 20'914'757'184},
    {"gpt-oss-120b", 116'829'156'672},
    {"gemma3-27b", 27'009'346'304},
    {"phi3-mini", 3'821'079'552},
    {"phi3-medium", 13'960'238'080},
    {"phi4", 14'659'507'200},
    {"olmo2-7b", 7'298'617'344},
    {"olmo2-13b", 13'716'198'400},
    {"olmo2-32b", 32'234'279'936},
    {"mixtral-8x7b", 46'702'792'704},
    {"mixtral-8x22b", 140'630'071'296},
    {"qwen3-30b-a3b", 30'532'122'624},
    {"qwen3-235b-a22b", 235'093'634'560},
    {"deepseek-v3", 671'026'419'200},
    {"gpt2", 124'439'808},
    {"gpt2-medium", 354'823'168},
    {"gpt2-large", 774'030'080},
    {"gpt2-xl", 1'557'611'200},
    {"pythia-410m", 405'334'016},
    {"pythia-1.4b", 1'414'647'808},
    {"pythia-2.8b", 2'775'208'960},
    {"pythia-6.9b", 6'857'302'016},
    {"pythia-12b", 11'846'072'320},
    {"gpt-neox-20b", 20'554'567'680},
    {"falcon-7b", 6'921'720'704},
    {"falcon-40b", 41'303'293'952},
};

TEST(NamedShape, HasThePublishedNumberOfParameters) {
    EXPECT_EQ(named_shapes().size(), kPublished.size());
    for (const NamedShape& shape : named_shapes()) {
        EXPECT_EQ(parameters_of(synthetic_catalogue(shape)), kPublished.at(std::string(shape.name)))
            << shape.name;
    }
}

TEST(NamedShape, HasPrunableMatricesInEveryBlockAndHeadsThatDivideTheHiddenSize) {
    for (const NamedShape& shape : named_shapes()) {
        const Catalogue catalogue = synthetic_catalogue(shape);
        constexpr std::array<std::string_view, 4> kWithoutGate{"opt", "gpt2", "gpt_neox", "falcon"};
        const bool gated = std::ranges::count(kWithoutGate, catalogue.family) == 0;
        const std::size_t in_a_block = gated ? 7 : 6;
        const std::size_t of_dense = in_a_block * static_cast<std::size_t>(shape.blocks);
        EXPECT_EQ(catalogue.blocks(), shape.blocks) << shape.name;
        if (catalogue.configuration.experts > 0) {
            EXPECT_GT(catalogue.matrices.size(), of_dense) << shape.name;
        } else {
            EXPECT_EQ(catalogue.matrices.size(), of_dense) << shape.name;
        }
        EXPECT_EQ(shape.hidden % shape.heads, 0) << shape.name;
        const bool half = catalogue.family == "opt" || catalogue.family == "gpt_neox";
        EXPECT_EQ(catalogue.tensors.front().type, half ? support::ScalarType::float16
                                                  : catalogue.family == "gpt2"
                                                      ? support::ScalarType::float32
                                                      : support::ScalarType::bfloat16);
    }
}

TEST(NamedShape, GoesByNameAndAliasInEitherCase) {
    ASSERT_NE(shape_named("70b"), nullptr);
    EXPECT_EQ(shape_named("70b"), shape_named("llama2-70b"));
    EXPECT_EQ(shape_named("LLaMA2-70B"), shape_named("llama2-70b"));
    EXPECT_EQ(shape_named("7B")->repository, "huggyllama/llama-7b");
    EXPECT_EQ(shape_named("llama-7b"), shape_named("7b"));
    EXPECT_EQ(shape_named(""), nullptr);
    EXPECT_EQ(shape_named("7"), nullptr);
    std::set<std::string_view> names;
    for (const NamedShape& shape : named_shapes()) {
        EXPECT_TRUE(names.insert(shape.name).second) << shape.name;
        EXPECT_TRUE(shape.alias.empty() || names.insert(shape.alias).second) << shape.alias;
    }
}

TEST(NamedShape, ConfigurationSaysWhatThePublishedOneSays) {
    const ModelConfiguration large = synthetic_catalogue(*shape_named("405b")).configuration;
    EXPECT_EQ(large.key_value_heads, 8);
    EXPECT_EQ(large.head_size, 128);
    EXPECT_EQ(large.max_positions, 131072);
    EXPECT_EQ(large.rope.type, "llama3");
    EXPECT_EQ(large.rope.theta, 500000);
    EXPECT_EQ(large.rope.factor, 8);
    EXPECT_EQ(large.rope.original_max_positions, 8192);
    const ModelConfiguration mistral =
        synthetic_catalogue(*shape_named("mistral-7b")).configuration;
    EXPECT_EQ(mistral.sliding_window, 4096);
    EXPECT_EQ(synthetic_catalogue(*shape_named("qwen2-7b")).configuration.sliding_window,
              std::nullopt);
    const ModelConfiguration opt = synthetic_catalogue(*shape_named("opt-125m")).configuration;
    EXPECT_TRUE(opt.tied_embeddings);
    EXPECT_EQ(opt.activation, "relu");
    EXPECT_EQ(opt.architecture, "OPTForCausalLM");
}

TEST(NamedShape, TensorsStandInTheOrderOfDefinition) {
    const auto names = [](const char* shape) {
        std::vector<std::string> all;
        for (const TensorInfo& tensor : synthetic_catalogue(*shape_named(shape)).tensors) {
            all.push_back(tensor.name);
        }
        return all;
    };
    const std::vector<std::string> qwen = names("qwen2-7b");
    const std::vector<std::string> first(qwen.begin(), qwen.begin() + 4);
    EXPECT_EQ(first, (std::vector<std::string>{"model.embed_tokens.weight",
                                               "model.layers.0.self_attn.q_proj.weight",
                                               "model.layers.0.self_attn.q_proj.bias",
                                               "model.layers.0.self_attn.k_proj.weight"}));
    EXPECT_EQ(qwen.back(), "lm_head.weight");
    EXPECT_EQ(names("opt-125m")[2], "model.decoder.final_layer_norm.weight");
    EXPECT_EQ(names("opt-125m").back(), "model.decoder.layers.11.final_layer_norm.bias");
}

}  // namespace
}  // namespace alphaprune::model
