#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "faults.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::model {
namespace {

using test::count_faults;
using test::faults_of;

const std::filesystem::path kRoot = ALPHAPRUNE_SOURCE_DIR;

using Entry = std::tuple<std::string, std::vector<std::int64_t>, support::ScalarType>;

/// The files hold them sorted by name, a stand-in in the order of definition.
std::vector<Entry> sorted_tensors(const Catalogue& catalogue) {
    std::vector<Entry> entries;
    for (const TensorInfo& tensor : catalogue.tensors) {
        entries.emplace_back(tensor.name, tensor.shape, tensor.scalar_type());
    }
    std::ranges::sort(entries);
    return entries;
}

std::vector<std::string> matrix_names_of(const Catalogue& catalogue) {
    std::vector<std::string> names;
    for (const MatrixInfo& matrix : catalogue.matrices) {
        names.push_back(catalogue.name_of(matrix));
    }
    return names;
}

TEST(SyntheticCatalogue, HasTheTensorsThatTransformersSaved) {
    for (const char* const model :
         {"tests/data/models/tiny-llama3", "tests/data/models/tiny-mistral",
          "tests/data/models/tiny-qwen2", "tests/data/models/tiny-opt", "data/books-7m"}) {
        const Catalogue real = read_catalogue(kRoot / model);
        const Catalogue made = synthetic_catalogue(kRoot / model);
        EXPECT_EQ(sorted_tensors(made), sorted_tensors(real)) << model;
        EXPECT_EQ(matrix_names_of(made), matrix_names_of(real)) << model;
        EXPECT_EQ(made.model_name, real.model_name + "-synthetic");
        EXPECT_EQ(made.family, real.family);
        EXPECT_EQ(made.configuration_text, real.configuration_text);
    }
}

class ConfigOnly : public testing::Test {
  protected:
    Catalogue with(const std::string& config) {
        test::write_file(folder_ / "m/config.json", config);
        return synthetic_catalogue(folder_ / "m");
    }
    void SetUp() override { std::filesystem::create_directories(folder_ / "m"); }

    test::TemporaryFolder folder_;
};

const std::string kSizes = R"("hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "vocab_size": 16, )";

TEST_F(ConfigOnly, BiasesFollowTheFlags) {
    const std::string llama = "{\"model_type\": \"llama\", \"intermediate_size\": 12, " + kSizes;
    const auto count = [](const Catalogue& catalogue) {
        return std::ranges::count_if(catalogue.tensors, [](const TensorInfo& tensor) {
            return tensor.name.ends_with(".bias");
        });
    };
    EXPECT_EQ(count(with(llama + "\"x\": 0}")), 0);
    EXPECT_EQ(count(with(llama + "\"attention_bias\": true}")), 4);
    EXPECT_EQ(count(with(llama + "\"mlp_bias\": true}")), 3);
    const std::string opt = "{\"model_type\": \"opt\", \"ffn_dim\": 12, " + kSizes;
    EXPECT_EQ(count(with(opt + "\"x\": 0}")), 6 + 3);
    EXPECT_EQ(count(with(opt + "\"enable_bias\": false}")), 3);
    EXPECT_EQ(count(with(opt + "\"layer_norm_elementwise_affine\": false}")), 6);
}

TEST_F(ConfigOnly, NarrowEmbeddingsOfOptAreProjected) {
    const Catalogue catalogue = with(
        "{\"model_type\": \"opt\", \"ffn_dim\": 12, \"word_embed_proj_dim\": 4, "
        "\"do_layer_norm_before\": false, " +
        kSizes + "\"x\": 0}");
    const auto shape_of = [&](const char* name) { return catalogue.find_tensor(name)->shape; };
    EXPECT_EQ(shape_of("model.decoder.embed_tokens.weight"), (std::vector<std::int64_t>{16, 4}));
    EXPECT_EQ(shape_of("model.decoder.project_in.weight"), (std::vector<std::int64_t>{8, 4}));
    EXPECT_EQ(shape_of("model.decoder.project_out.weight"), (std::vector<std::int64_t>{4, 8}));
    EXPECT_EQ(catalogue.find_tensor("model.decoder.final_layer_norm.weight"), nullptr);
}

TEST_F(ConfigOnly, TokenizerFilesAreThoseOfTheFolder) {
    test::write_file(folder_ / "m/tokenizer.json", "{}");
    const Catalogue catalogue = with(test::llama_config({}));
    ASSERT_EQ(read_auxiliary_files(catalogue).size(), 1U);
    EXPECT_EQ(place_of(catalogue, catalogue.tensors.front()),
              "tensor model.embed_tokens.weight of m-synthetic");
}

TEST_F(ConfigOnly, RefusesWhatItCannotMake) {
    EXPECT_EQ(count_faults(faults_of([&] { with(R"({"model_type": "rwkv"})"); }),
                           {"rwkv", "config.json"}),
              1);
    const std::string quantised = "{\"model_type\": \"llama\", \"intermediate_size\": 12, " +
                                  kSizes + "\"torch_dtype\": \"float8_e4m3fn\"}";
    EXPECT_EQ(count_faults(faults_of([&] { with(quantised); }), {"float8_e4m3fn"}), 1);
    EXPECT_EQ(count_faults(faults_of([&] { synthetic_catalogue(folder_ / "absent"); }), {"absent"}),
              1);
}

}  // namespace
}  // namespace alphaprune::model
