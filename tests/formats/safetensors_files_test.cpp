#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <numeric>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/file.hpp"
#include "faults_of.hpp"
#include "safetensors_bytes.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

const std::filesystem::path kCheckout = ALPHAPRUNE_SOURCE_DIR;

std::map<std::string, formats::SafetensorsEntry> tensors_of(const std::string& file) {
    std::map<std::string, formats::SafetensorsEntry> tensors;
    for (const formats::SafetensorsEntry& tensor :
         formats::read_safetensors_header(kCheckout / file).tensors) {
        tensors.emplace(tensor.name, tensor);
    }
    return tensors;
}

std::int64_t numbers_in(const std::map<std::string, formats::SafetensorsEntry>& tensors) {
    std::int64_t count = 0;
    for (const auto& [name, tensor] : tensors) {
        count += std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1},
                                 std::multiplies<>());
    }
    return count;
}

TEST(SafetensorsFiles, ReadsTheEmbeddedModel) {
    const auto path = kCheckout / "data/books-7m/model.safetensors";
    const formats::SafetensorsHeader header = formats::read_safetensors_header(path);
    EXPECT_EQ(header.metadata,
              (std::vector<std::pair<std::string, std::string>>{{"format", "pt"}}));
    EXPECT_EQ(header.tensors.back().end, std::filesystem::file_size(path));

    const auto tensors = tensors_of("data/books-7m/model.safetensors");
    const formats::Json config =
        formats::Json::parse(support::read_text(kCheckout / "data/books-7m/config.json"), "config");
    const auto blocks = config.find("num_hidden_layers")->as_integer();
    const auto hidden = *config.find("hidden_size")->as_integer();
    const auto wide = *config.find("intermediate_size")->as_integer();
    const auto& down = tensors.at(fmt::format("model.layers.{}.mlp.down_proj.weight", *blocks - 1));
    EXPECT_EQ(down.type, support::ScalarType::bfloat16);
    EXPECT_EQ(down.shape, (std::vector<std::int64_t>{hidden, wide}));
    EXPECT_EQ(tensors.at("model.norm.weight").shape, std::vector<std::int64_t>{hidden});
}

TEST(SafetensorsFiles, ReadsEveryStoredType) {
    EXPECT_EQ(
        tensors_of("tests/data/models/tiny-llama3/model.safetensors").at("lm_head.weight").type,
        support::ScalarType::float32);
    EXPECT_EQ(tensors_of("tests/data/models/tiny-opt/model.safetensors")
                  .at("model.decoder.embed_tokens.weight")
                  .type,
              support::ScalarType::float16);
    EXPECT_EQ(
        tensors_of("tests/data/models/tiny-mistral/model.safetensors").at("lm_head.weight").type,
        support::ScalarType::bfloat16);
}

TEST(SafetensorsFiles, ShardsHoldWhatTheIndexSays) {
    const std::string folder = "tests/data/models/tiny-qwen2/";
    const formats::Json index = formats::Json::parse(
        support::read_text(kCheckout / (folder + "model.safetensors.index.json")), "index");
    const auto first = tensors_of(folder + "model-00001-of-00002.safetensors");
    const auto second = tensors_of(folder + "model-00002-of-00002.safetensors");
    const formats::Json::Object& shards = index.find("weight_map")->members();
    EXPECT_EQ(first.size() + second.size(), shards.size());
    for (const auto& [name, shard] : shards) {
        const bool in_first = *shard.as_string() == "model-00001-of-00002.safetensors";
        EXPECT_EQ(first.contains(name), in_first) << name;
        EXPECT_EQ(second.contains(name), !in_first) << name;
    }
    EXPECT_EQ(2 * (numbers_in(first) + numbers_in(second)),
              *index.find("metadata")->find("total_size")->as_integer());
}

TEST(SafetensorsFiles, EveryTruncationIsRefused) {
    const std::string whole =
        support::read_text(kCheckout / "tests/data/models/tiny-opt/model.safetensors");
    const TemporaryFolder folder;
    const auto path = folder / "cut.safetensors";
    for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{8}, std::size_t{9},
                                   std::size_t{500}, whole.size() / 2, whole.size() - 1}) {
        std::ofstream(path, std::ios::binary).write(whole.data(), static_cast<long>(size));
        const std::string text = faults_of([&] { formats::read_safetensors_header(path); });
        EXPECT_TRUE(has(text, path.string())) << text;
        std::filesystem::remove(path);
    }
}

TEST(SafetensorsFiles, AMissingFileIsNamed) {
    const TemporaryFolder folder;
    const auto path = folder / "absent.safetensors";
    EXPECT_TRUE(has(faults_of([&] { formats::read_safetensors_header(path); }), path.string()));
}

}  // namespace
}  // namespace alphaprune::test
