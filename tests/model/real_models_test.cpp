#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune::test {
namespace {

const std::string kRoot = ALPHAPRUNE_SOURCE_DIR;

model::Catalogue read_tiny(const std::string& name) {
    return model::read_catalogue(kRoot + "/tests/data/models/" + name);
}

std::vector<std::string> names_of_matrices(const model::Catalogue& catalogue) {
    std::vector<std::string> names;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        names.push_back(catalogue.name_of(matrix));
    }
    return names;
}

struct Expected {
    std::string name;
    std::int64_t rows;
    std::int64_t cols;
};

/// The matrices of all blocks, in order, with their sizes.
void expect_blocks(const model::Catalogue& catalogue, const std::string& prefix, int blocks,
                   const std::vector<Expected>& matrices) {
    ASSERT_EQ(catalogue.matrices.size(), matrices.size() * static_cast<std::size_t>(blocks));
    EXPECT_EQ(catalogue.blocks(), blocks);
    std::size_t next = 0;
    for (int block = 0; block < blocks; ++block) {
        for (const Expected& expected : matrices) {
            const model::MatrixInfo& matrix = catalogue.matrices[next];
            EXPECT_EQ(catalogue.name_of(matrix),
                      prefix + std::to_string(block) + "." + expected.name + ".weight");
            EXPECT_EQ(matrix.block, block);
            EXPECT_EQ(matrix.rows, expected.rows) << expected.name;
            EXPECT_EQ(matrix.cols, expected.cols) << expected.name;
            EXPECT_EQ(catalogue.tensor_of(matrix).matrix, static_cast<int>(next));
            ++next;
        }
    }
}

const std::vector<Expected> kTinyLlama{{"self_attn.q_proj", 64, 64}, {"self_attn.k_proj", 32, 64},
                                       {"self_attn.v_proj", 32, 64}, {"self_attn.o_proj", 64, 64},
                                       {"mlp.gate_proj", 160, 64},   {"mlp.up_proj", 160, 64},
                                       {"mlp.down_proj", 64, 160}};

TEST(RealModels, Books7mIsInTheReferenceOrder) {
    const model::Catalogue catalogue = model::read_catalogue(kRoot + "/data/books-7m/");
    const std::string path = kRoot + "/tests/data/reference/books-7m-reference.json";
    const formats::Json reference = formats::Json::parse(support::read_text(path), path);
    std::vector<std::string> expected;
    for (const formats::Json& name : reference.find("matrices")->elements()) {
        expected.push_back(*name.as_string());
    }
    ASSERT_EQ(expected.size(), 56U);
    EXPECT_EQ(names_of_matrices(catalogue), expected);
    EXPECT_EQ(catalogue.model_name, "books-7m");
    EXPECT_EQ(catalogue.family, "llama");
    EXPECT_EQ(catalogue.tensors.size(), 74U);
    EXPECT_EQ(catalogue.blocks(), 8);
    EXPECT_EQ(catalogue.prunable_parameters(), 8 * (2 * 256 * 256 + 2 * 128 * 256 + 3 * 704 * 256));
}

TEST(RealModels, TinyLlama) {
    const model::Catalogue catalogue = read_tiny("tiny-llama3");
    expect_blocks(catalogue, "model.layers.", 3, kTinyLlama);
    EXPECT_EQ(catalogue.family, "llama");
    EXPECT_EQ(catalogue.shards, std::vector<std::string>{"model.safetensors"});
    EXPECT_EQ(catalogue.tensors.size(), 30U);
    EXPECT_EQ(catalogue.tensors.front().name, "lm_head.weight");
    EXPECT_EQ(catalogue.tensors.front().matrix, -1);
    EXPECT_EQ(catalogue.tensors.front().offset, 8U + 3072U);
    EXPECT_EQ(catalogue.bytes(), 780032U);
}

TEST(RealModels, TinyMistral) {
    const model::Catalogue catalogue = read_tiny("tiny-mistral");
    expect_blocks(catalogue, "model.layers.", 3, kTinyLlama);
    EXPECT_EQ(catalogue.family, "mistral");
    EXPECT_EQ(catalogue.tensor_of(catalogue.matrices[0]).type, support::ScalarType::bfloat16);
    EXPECT_EQ(catalogue.bytes(), 390016U);
}

TEST(RealModels, TinyQwenInTwoShards) {
    const model::Catalogue catalogue = read_tiny("tiny-qwen2");
    expect_blocks(catalogue, "model.layers.", 3, kTinyLlama);
    EXPECT_EQ(catalogue.family, "qwen2");
    EXPECT_EQ(catalogue.shards, (std::vector<std::string>{"model-00001-of-00002.safetensors",
                                                          "model-00002-of-00002.safetensors"}));
    EXPECT_EQ(catalogue.bytes(), 325248U);
    const model::TensorInfo* down = catalogue.find_tensor("model.layers.2.mlp.down_proj.weight");
    ASSERT_NE(down, nullptr);
    EXPECT_EQ(down->shard, 1);
    EXPECT_EQ(down->offset, 8U + 512U + 128U);
}

TEST(RealModels, TinyOpt) {
    const model::Catalogue catalogue = read_tiny("tiny-opt");
    expect_blocks(catalogue, "model.decoder.layers.", 3,
                  {{"self_attn.k_proj", 64, 64},
                   {"self_attn.v_proj", 64, 64},
                   {"self_attn.q_proj", 64, 64},
                   {"self_attn.out_proj", 64, 64},
                   {"fc1", 256, 64},
                   {"fc2", 64, 256}});
    EXPECT_EQ(catalogue.family, "opt");
    EXPECT_EQ(catalogue.tensor_of(catalogue.matrices[0]).type, support::ScalarType::float16);
}

TEST(RealModels, TensorsAsRows) {
    const model::Catalogue catalogue = read_tiny("tiny-llama3");
    const model::TensorInfo* norm = catalogue.find_tensor("model.norm.weight");
    ASSERT_NE(norm, nullptr);
    EXPECT_EQ(norm->rows(), 1);
    EXPECT_EQ(norm->row_length(), 64);
    EXPECT_EQ(norm->row_bytes(), 256U);
    const model::TensorInfo scalar{"scale", support::ScalarType::float16, {}, 0, 0, -1};
    EXPECT_EQ(scalar.rows(), 1);
    EXPECT_EQ(scalar.bytes(), 2U);
    const model::TensorInfo filter{"filter", support::ScalarType::bfloat16, {5, 3, 2}, 0, 0, -1};
    EXPECT_EQ(filter.rows(), 5);
    EXPECT_EQ(filter.row_length(), 6);
    EXPECT_EQ(filter.bytes(), 60U);
}

TEST(RealModels, FamiliesByModelType) {
    EXPECT_EQ(model::all_families().size(), 20U);
    for (const model::Family* const family : model::all_families()) {
        EXPECT_EQ(model::family_of(family->name), family);
        EXPECT_TRUE(family->block_prefix.starts_with(family->base_prefix));
    }
    EXPECT_EQ(model::family_of("mamba"), nullptr);
    EXPECT_EQ(model::family_of(""), nullptr);
}

}  // namespace
}  // namespace alphaprune::test
