// How the experts of a mixture are stored is found in the names and shapes of the tensors.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::test {
namespace {

using model::ExpertStorage;

/// The first block is dense, as are those of DeepSeek-V3; two experts' layers are as wide as the
/// hidden state, so that gate_up_proj is square.
std::string mixture_configuration(const std::string& type) {
    return R"({"model_type": ")" + type + R"(", "hidden_size": 8, "intermediate_size": 4,
        "moe_intermediate_size": 4, "num_hidden_layers": 3, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 4, "vocab_size": 10, "num_experts": 3,
        "num_local_experts": 3, "num_experts_per_tok": 2, "mlp_only_layers": [0],
        "shared_expert_intermediate_size": 6})";
}

/// All tensors of the blocks, with experts stored so.
std::vector<model::TensorInfo> mixture_tensors(const std::string& type, ExpertStorage storage) {
    model::ModelConfiguration model = model::read_configuration(
        formats::Json::parse(mixture_configuration(type), "config"), "config");
    model.expert_storage = storage;
    const model::Family& family = *model::family_of(type);
    std::vector<model::TensorInfo> tensors;
    for (std::int64_t block = 0; block < model.blocks; ++block) {
        for (const model::TensorSpec& spec : family.describe_block(model, block).tensors) {
            const std::string prefix(family.block_prefix);
            tensors.push_back({prefix + std::to_string(block) + "." + spec.name,
                               support::ScalarType::float32, spec.shape, 0, 0, -1});
        }
    }
    return tensors;
}

model::Catalogue mixture_catalogue(const std::string& type,
                                   std::vector<model::TensorInfo> tensors) {
    return model::make_catalogue("/nowhere/model.bin", "model", mixture_configuration(type),
                                 std::move(tensors));
}

TEST(ExpertStorage, IsFoundInEveryFamilyThatHasAChoice) {
    for (const std::string type : {"mixtral", "qwen2_moe", "qwen3_moe"}) {
        std::size_t matrices = 0;
        for (const ExpertStorage storage :
             {ExpertStorage::separate, ExpertStorage::fused, ExpertStorage::fused_transposed}) {
            const model::Catalogue catalogue =
                mixture_catalogue(type, mixture_tensors(type, storage));
            EXPECT_EQ(catalogue.configuration.expert_storage, storage) << type;
            matrices = storage == ExpertStorage::separate ? catalogue.matrices.size() : matrices;
            EXPECT_EQ(catalogue.matrices.size(), matrices) << type;
            std::int64_t transposed = 0;
            for (const model::MatrixInfo& matrix : catalogue.matrices) {
                transposed += matrix.transposed ? 1 : 0;
                EXPECT_EQ(matrix.transposed,
                          storage == ExpertStorage::fused_transposed && matrix.expert >= 0);
            }
            EXPECT_EQ(transposed > 0, storage == ExpertStorage::fused_transposed) << type;
        }
    }
}

TEST(ExpertStorage, MatricesComeExpertByExpertInEveryForm) {
    for (const ExpertStorage storage :
         {ExpertStorage::separate, ExpertStorage::fused, ExpertStorage::fused_transposed}) {
        const model::Catalogue catalogue =
            mixture_catalogue("qwen2_moe", mixture_tensors("qwen2_moe", storage));
        std::vector<int> experts;
        for (const model::MatrixInfo& matrix : catalogue.matrices) {
            if (matrix.block == 1) {
                experts.push_back(catalogue.expert_of(matrix));
            }
        }
        EXPECT_EQ(experts, (std::vector{-1, -1, -1, -1,             // attention
                                        0, 0, 0, 1, 1, 1, 2, 2, 2,  // gate, up, down
                                        -1, -1, -1}));              // the shared expert
    }
}

TEST(ExpertStorage, SurvivesTheWayToOtherRanks) {
    const model::Catalogue sent =
        mixture_catalogue("mixtral", mixture_tensors("mixtral", ExpertStorage::fused_transposed));
    const model::Catalogue received = model::deserialize_catalogue(model::serialize(sent));
    EXPECT_EQ(received.configuration, sent.configuration);
}

/// What is wrong is told of the form that the files have.
TEST(ExpertStorage, OfAnotherSizeIsAFaultByName) {
    auto tensors = mixture_tensors("qwen3_moe", ExpertStorage::fused);
    for (model::TensorInfo& tensor : tensors) {
        if (tensor.name.ends_with("gate_up_proj")) {
            tensor.shape = {3, 10, 8};
        }
    }
    try {
        mixture_catalogue("qwen3_moe", tensors);
        ADD_FAILURE() << "no fault";
    } catch (const support::Error& error) {
        const std::string text = error.what();
        EXPECT_NE(text.find("1.mlp.experts.gate_up_proj [3, 10, 8]"), std::string::npos) << text;
        EXPECT_EQ(text.find("missing"), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace alphaprune::test
