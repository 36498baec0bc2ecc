#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "model/faults.hpp"
#include "model/named_tensors.hpp"

namespace alphaprune::test {
namespace {

TEST(Generic, OnlyTwoDimensionalWeightsInsideBlocks) {
    const model::Catalogue catalogue = catalogue_of(R"({"model_type": "imagegpt", "n_layer": 2})",
                                                    {{"wte.weight", {50, 4}},
                                                     {"h.0.ln_1.weight", {4}},
                                                     {"h.0.mlp.c_fc.weight", {4, 16}},
                                                     {"h.0.mlp.c_fc.bias", {16}},
                                                     {"h.0.attn.c_attn.weight", {4, 12}},
                                                     {"h.0.attn.filter.weight", {4, 2, 2}},
                                                     {"h.0.attn.empty.weight", {0, 2}},
                                                     {"h.0.attn.mask", {4, 4}},
                                                     {"h.1.mlp.c_fc.weight", {4, 16}},
                                                     {"h.1.attn.c_attn.weight", {4, 12}},
                                                     {"ln_f.weight", {4}},
                                                     {"lm_head.weight", {50, 4}}});
    EXPECT_EQ(catalogue.family, "generic");
    EXPECT_EQ(catalogue.blocks(), 2);
    EXPECT_EQ(described(catalogue), (Texts{"0:h.0.mlp.c_fc.weight", "0:h.0.attn.c_attn.weight",
                                           "1:h.1.mlp.c_fc.weight", "1:h.1.attn.c_attn.weight"}));
}

TEST(Generic, ANameFullOfNumbersCostsNoTime) {
    std::string name = "h.0";
    for (int i = 0; i < 300'000; ++i) {
        name += ".0";
    }
    const model::Catalogue catalogue = catalogue_of(
        R"({"model_type": "imagegpt"})", {{name + ".weight", {4, 4}}, {"h.1.fc.weight", {4, 4}}});
    EXPECT_EQ(described(catalogue), (Texts{"0:" + name + ".weight", "1:h.1.fc.weight"}));
}

std::vector<Named> mixture(int blocks, int experts) {
    std::vector<Named> tensors;
    for (int block = 0; block < blocks; ++block) {
        const std::string in = "model.layers." + std::to_string(block) + ".";
        for (int expert = 0; expert < experts; ++expert) {
            tensors.push_back(
                {in + "moe.experts." + std::to_string(expert) + ".w1.weight", {4, 8}});
        }
        tensors.push_back({in + "self_attn.q_proj.weight", {4, 4}});
    }
    return tensors;
}

TEST(Generic, TheOuterNumberIsTheBlock) {
    for (const char* config : {R"({"model_type": "moe", "num_hidden_layers": 3})", "{}"}) {
        // As many experts as blocks: the numbers alone do not tell them apart.
        const model::Catalogue catalogue = catalogue_of(config, mixture(3, 3));
        ASSERT_EQ(catalogue.matrices.size(), 12U);
        EXPECT_EQ(catalogue.matrices[4].block, 1);
        EXPECT_EQ(catalogue.name_of(catalogue.matrices[4]),
                  "model.layers.1.moe.experts.0.w1.weight");
        EXPECT_EQ(catalogue.blocks(), 3);
    }
}

TEST(Generic, OneBlockOfManyExpertsIsOneBlock) {
    const model::Catalogue catalogue = catalogue_of(R"({"num_hidden_layers": 1})", mixture(1, 6));
    EXPECT_EQ(catalogue.blocks(), 1);
    EXPECT_EQ(catalogue.matrices.size(), 7U);
}

TEST(Generic, BlocksSortAsNumbers) {
    std::vector<Named> tensors;
    for (const int block : {0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9}) {
        tensors.push_back({"layers." + std::to_string(block) + ".ff.weight", {2, 2}});
    }
    const model::Catalogue catalogue = catalogue_of("{}", tensors);
    ASSERT_EQ(catalogue.matrices.size(), 12U);
    for (int block = 0; block < 12; ++block) {
        EXPECT_EQ(catalogue.matrices[static_cast<std::size_t>(block)].block, block);
    }
}

TEST(Generic, ExtraBlocksAreLeftOut) {
    const model::Catalogue catalogue =
        catalogue_of(R"({"num_hidden_layers": 2})", {{"m.layers.0.a.weight", {2, 2}},
                                                     {"m.layers.1.a.weight", {2, 2}},
                                                     {"m.layers.2.head.weight", {9, 9}}});
    EXPECT_EQ(described(catalogue), (Texts{"0:m.layers.0.a.weight", "1:m.layers.1.a.weight"}));
    EXPECT_EQ(catalogue.tensors.back().matrix, -1);
}

TEST(Generic, NoBlocksIsAFault) {
    const auto faults = faults_of([] {
        catalogue_of(R"({"model_type": "odd", "num_hidden_layers": 4})",
                     {{"net.0.a.weight", {2, 2}}, {"net.2.a.weight", {2, 2}}});
    });
    EXPECT_EQ(count_faults(faults, {"4 blocks", "net.<0, 2>"}), 1) << text_of(faults);
    const auto none = faults_of([] { catalogue_of("{}", {{"embedding.weight", {2, 2}}}); });
    EXPECT_EQ(count_faults(none, {"none"}), 1) << text_of(none);
}

TEST(Generic, WithoutBlocksTheTensorsAreCatalogued) {
    const model::Catalogue catalogue = unchosen_catalogue("{}", {{"embedding.weight", {2, 2}}});
    EXPECT_EQ(catalogue.tensors.size(), 1U);
    EXPECT_TRUE(catalogue.matrices.empty());
}

}  // namespace
}  // namespace alphaprune::test
