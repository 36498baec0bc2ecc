#include "alphaprune/model/catalogue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "alphaprune/support/error.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

std::vector<std::string> matrix_names(const model::Catalogue& catalogue) {
    std::vector<std::string> names;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        names.push_back(catalogue.name_of(matrix));
    }
    return names;
}

/// The tensors dealt to so many shards, in turn.
std::vector<std::vector<StoredTensor>> deal(const std::vector<StoredTensor>& tensors,
                                            std::size_t shards) {
    std::vector<std::vector<StoredTensor>> dealt(shards);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        dealt[i % shards].push_back(tensors[i]);
    }
    return dealt;
}

void replace_in_names(std::vector<StoredTensor>& tensors, const std::string& old,
                      const std::string& by) {
    for (StoredTensor& tensor : tensors) {
        if (tensor.name.starts_with(old)) {
            tensor.name = by + tensor.name.substr(old.size());
        }
    }
}

TEST(Catalogue, BlocksSortAsNumbers) {
    const TemporaryFolder folder;
    make_llama_folder(folder / "m", 12, 8, 12, 2, 1, 1, support::ScalarType::float32);
    const model::Catalogue catalogue = model::read_catalogue(folder / "m");
    ASSERT_EQ(catalogue.matrices.size(), 84U);
    EXPECT_EQ(catalogue.name_of(catalogue.matrices[7 * 2]),
              "model.layers.2.self_attn.q_proj.weight");
    EXPECT_EQ(catalogue.name_of(catalogue.matrices[7 * 10 + 6]),
              "model.layers.10.mlp.down_proj.weight");
    EXPECT_EQ(catalogue.matrices.back().block, 11);
}

TEST(Catalogue, ShardsChangeNothingButTheFiles) {
    const TemporaryFolder folder;
    const LlamaSizes sizes{.blocks = 3};
    const auto tensors = llama_tensors(sizes, 4, support::ScalarType::bfloat16);
    write_model_folder(folder / "one", llama_config(sizes), tensors);
    write_sharded_model_folder(folder / "many", llama_config(sizes), deal(tensors, 4));
    const model::Catalogue one = model::read_catalogue(folder / "one");
    const model::Catalogue many = model::read_catalogue(folder / "many");
    EXPECT_EQ(many.shards.size(), 4U);
    EXPECT_EQ(matrix_names(one), matrix_names(many));
    EXPECT_EQ(one.bytes(), many.bytes());
    ASSERT_EQ(one.tensors.size(), many.tensors.size());
    for (std::size_t i = 0; i < one.matrices.size(); ++i) {
        EXPECT_EQ(one.tensor_of(one.matrices[i]).shape, many.tensor_of(many.matrices[i]).shape);
    }
}

TEST(Catalogue, TheSingleFileWinsOverAnIndex) {
    const TemporaryFolder folder;
    const LlamaSizes sizes;
    const auto tensors = llama_tensors(sizes, 4, support::ScalarType::float32);
    write_sharded_model_folder(folder / "m", llama_config(sizes), deal(tensors, 2));
    write_model_folder(folder / "m", llama_config(sizes), tensors);
    EXPECT_EQ(model::read_catalogue(folder / "m").shards,
              std::vector<std::string>{"model.safetensors"});
}

TEST(Catalogue, NamesWithoutTheBasePrefix) {
    const TemporaryFolder folder;
    const LlamaSizes sizes;
    auto tensors = llama_tensors(sizes, 4, support::ScalarType::float32);
    write_model_folder(folder / "whole", llama_config(sizes), tensors);
    replace_in_names(tensors, "model.", "");
    write_model_folder(folder / "bare", llama_config(sizes), tensors);
    const model::Catalogue bare = model::read_catalogue(folder / "bare");
    auto expected = matrix_names(model::read_catalogue(folder / "whole"));
    for (std::string& name : expected) {
        name = name.substr(std::string("model.").size());
    }
    EXPECT_EQ(matrix_names(bare), expected);
    const model::TensorInfo* embedding = bare.find_tensor("model.embed_tokens.weight");
    ASSERT_NE(embedding, nullptr);
    EXPECT_EQ(embedding->name, "embed_tokens.weight");
    EXPECT_NE(bare.find_tensor("lm_head.weight"), nullptr);
    EXPECT_EQ(bare.find_tensor("model.nothing.weight"), nullptr);
}

TEST(Catalogue, OptNamesWithoutTheBasePrefix) {
    const TemporaryFolder folder;
    std::vector<StoredTensor> tensors;
    for (const char* name : {"fc2", "fc1", "self_attn.out_proj", "self_attn.q_proj",
                             "self_attn.v_proj", "self_attn.k_proj"}) {
        tensors.push_back(random_tensor("decoder.layers.0." + std::string(name) + ".weight",
                                        support::ScalarType::float16, {4, 4}, 1));
    }
    write_model_folder(folder / "m", R"({"model_type": "opt", "hidden_size": 4, "ffn_dim": 4,
        "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9})",
                       tensors);
    const auto names = matrix_names(model::read_catalogue(folder / "m"));
    ASSERT_EQ(names.size(), 6U);
    EXPECT_EQ(names.front(), "decoder.layers.0.self_attn.k_proj.weight");
    EXPECT_EQ(names.back(), "decoder.layers.0.fc2.weight");
}

TEST(Catalogue, ModelNameIsTheLastPartOfThePath) {
    const TemporaryFolder folder;
    make_llama_folder(folder / "some-7b", 1, 8, 12, 2, 1, 1, support::ScalarType::float32);
    EXPECT_EQ(model::read_catalogue(folder / "some-7b").model_name, "some-7b");
    EXPECT_EQ(model::read_catalogue((folder / "some-7b").string() + "/").model_name, "some-7b");
    EXPECT_EQ(model::read_catalogue(folder / "some-7b/../some-7b/.").model_name, "some-7b");
}

TEST(Catalogue, TravelsUnchanged) {
    const TemporaryFolder folder;
    const LlamaSizes sizes{.blocks = 3};
    write_sharded_model_folder(folder / "m", llama_config(sizes),
                               deal(llama_tensors(sizes, 4, support::ScalarType::float16), 3));
    model::Catalogue sent = model::read_catalogue(folder / "m");
    sent.configuration.sliding_window = 77;
    sent.configuration.full_attention_blocks = {0, 2};
    sent.configuration.rope = {.type = "llama3",
                               .theta = 1.0 / 3.0,
                               .factor = 8.0,
                               .low_freq_factor = 1.25,
                               .high_freq_factor = 4.5,
                               .original_max_positions = 8192,
                               .attention_factor = 0.5,
                               .long_factor = {1.5, 2.5}};
    sent.configuration.window_rope = {.type = "yarn", .truncate = false};
    sent.configuration.residual_multiplier = 0.25;
    const std::string text = model::serialize(sent);
    const model::Catalogue got = model::deserialize_catalogue(text);
    EXPECT_EQ(model::serialize(got), text);

    EXPECT_EQ(got.model_name, sent.model_name);
    EXPECT_EQ(got.folder, sent.folder);
    EXPECT_EQ(got.family, sent.family);
    EXPECT_EQ(got.configuration_text, sent.configuration_text);
    EXPECT_EQ(got.shards, sent.shards);
    EXPECT_EQ(got.configuration.model_type, "llama");
    EXPECT_EQ(got.configuration.blocks, 3);
    EXPECT_EQ(got.configuration.vocabulary, 32);
    EXPECT_EQ(got.configuration.window_of(1), 77);
    EXPECT_FALSE(got.configuration.window_of(2));
    EXPECT_EQ(got.configuration.rope.theta, 1.0 / 3.0);
    EXPECT_EQ(got.configuration.rope.original_max_positions, 8192);
    EXPECT_EQ(got.configuration.embedding_size, sizes.hidden);
    ASSERT_EQ(got.tensors.size(), sent.tensors.size());
    for (std::size_t i = 0; i < sent.tensors.size(); ++i) {
        EXPECT_EQ(got.tensors[i].name, sent.tensors[i].name);
        EXPECT_EQ(got.tensors[i].type, support::ScalarType::float16);
        EXPECT_EQ(got.tensors[i].shape, sent.tensors[i].shape);
        EXPECT_EQ(got.tensors[i].shard, sent.tensors[i].shard);
        EXPECT_EQ(got.tensors[i].offset, sent.tensors[i].offset);
        EXPECT_EQ(got.tensors[i].matrix, sent.tensors[i].matrix);
    }
    ASSERT_EQ(got.matrices.size(), sent.matrices.size());
    for (std::size_t i = 0; i < sent.matrices.size(); ++i) {
        EXPECT_EQ(got.matrices[i].tensor, sent.matrices[i].tensor);
        EXPECT_EQ(got.matrices[i].block, sent.matrices[i].block);
        EXPECT_EQ(got.matrices[i].rows, sent.matrices[i].rows);
        EXPECT_EQ(got.matrices[i].cols, sent.matrices[i].cols);
    }
}

/// A field that serialize() forgets has its default again.
TEST(Catalogue, ArrivesWithTheConfigurationOfEveryFamily) {
    int compared = 0;
    const std::filesystem::path models = ALPHAPRUNE_SOURCE_DIR "/tests/data/models";
    for (const auto& folder : std::filesystem::directory_iterator(models)) {
        const model::Catalogue sent = model::read_catalogue(folder.path());
        const model::Catalogue got = model::deserialize_catalogue(model::serialize(sent));
        EXPECT_EQ(got.configuration, sent.configuration) << folder.path();
        ++compared;
    }
    EXPECT_GE(compared, 28);
}

TEST(Catalogue, ADamagedMessageIsNoticed) {
    const TemporaryFolder folder;
    make_llama_folder(folder / "m", 1, 8, 12, 2, 1, 1, support::ScalarType::float32);
    const std::string text = model::serialize(model::read_catalogue(folder / "m"));
    for (std::size_t size = 0; size < text.size(); ++size) {
        EXPECT_THROW(model::deserialize_catalogue(std::string_view(text).substr(0, size)),
                     support::Error);
    }
    EXPECT_THROW(model::deserialize_catalogue(text + "x"), support::Error);
}

}  // namespace
}  // namespace alphaprune::test
