#include <gtest/gtest.h>

#include "model/named_tensors.hpp"

namespace alphaprune::test {
namespace {

/// The matrices of block 0 that are stored as inputs × outputs.
Texts transposed(const std::string& config, const std::vector<Named>& block) {
    const model::Catalogue catalogue = catalogue_of(config, in_blocks("h.", 2, block));
    Texts names;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        if (matrix.transposed && matrix.block == 0) {
            names.push_back(catalogue.name_of(matrix).substr(4));
        }
    }
    return names;
}

const Texts kAll{"attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight",
                 "mlp.c_proj.weight"};

std::vector<Named> conv1d(std::int64_t hidden, std::int64_t inner) {
    return {{"attn.c_attn.weight", {hidden, 3 * hidden}},
            {"attn.c_proj.weight", {hidden, hidden}},
            {"mlp.c_fc.weight", {hidden, inner}},
            {"mlp.c_proj.weight", {inner, hidden}}};
}

std::vector<Named> linear(std::int64_t hidden, std::int64_t inner) {
    return {{"attn.c_attn.weight", {3 * hidden, hidden}},
            {"attn.c_proj.weight", {hidden, hidden}},
            {"mlp.c_fc.weight", {inner, hidden}},
            {"mlp.c_proj.weight", {hidden, inner}}};
}

TEST(Orientation, TheShapesTell) {
    for (const char* type : {"openai-gpt", "imagegpt", "decision_transformer", "my_gpt"}) {
        const std::string kind = std::string(R"({"model_type": ")") + type + '"';
        for (const char* sizes : {R"(, "n_embd": 8})", "}"}) {
            EXPECT_EQ(transposed(kind + sizes, conv1d(8, 32)), kAll) << kind << sizes;
            EXPECT_EQ(transposed(kind + sizes, linear(8, 32)), Texts{}) << kind << sizes;
        }
    }
    // gpt_bigcode: one key and one value for all heads.
    EXPECT_EQ(transposed(R"({"model_type": "gpt_bigcode", "n_embd": 8})",
                         {{"attn.c_attn.weight", {12, 8}}, {"mlp.c_fc.weight", {32, 8}}}),
              Texts{});
}

TEST(Orientation, WhereTheyDoNotTheKindOfModelDoes) {
    const std::vector<Named> squares{{"attn.c_proj.weight", {8, 8}}, {"mlp.c_fc.weight", {8, 8}}};
    EXPECT_EQ(transposed(R"({"model_type": "imagegpt", "n_embd": 8})", squares),
              (Texts{"attn.c_proj.weight", "mlp.c_fc.weight"}));
    EXPECT_EQ(transposed(R"({"model_type": "persimmon", "hidden_size": 8})", squares), Texts{});
    EXPECT_EQ(
        transposed(R"({"model_type": "x", "text_config": {"model_type": "imagegpt", "n_embd": 8,
                             "n_layer": 2}})",
                   squares),
        (Texts{"attn.c_proj.weight", "mlp.c_fc.weight"}));
}

TEST(Orientation, LayersOfOtherNamesAreLinear) {
    // CLVP: attention of nn.Linear, the rest of Conv1D.
    EXPECT_EQ(
        transposed(R"({"model_type": "clvp", "n_embd": 8})", {{"attn.q_proj.weight", {8, 8}},
                                                              {"mlp.c_fc.weight", {8, 32}},
                                                              {"mlp.c_proj.weight", {32, 8}}}),
        (Texts{"mlp.c_fc.weight", "mlp.c_proj.weight"}));
}

}  // namespace
}  // namespace alphaprune::test
