#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/file.hpp"
#include "model/faults.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

const LlamaSizes kThreeBlocks{.blocks = 3};

/// A good model folder, for a test to spoil.
class BadFolder : public testing::Test {
  protected:
    BadFolder() { write(); }

    void write() { write_model_folder(model_, config_, tensors_); }
    void write_shards() {
        const auto middle = tensors_.begin() + 10;
        const std::vector<std::vector<StoredTensor>> shards{{tensors_.begin(), middle},
                                                            {middle, tensors_.end()}};
        std::filesystem::remove(model_ / "model.safetensors");
        write_sharded_model_folder(model_, config_, shards);
    }
    void write_index(const std::string& text) {
        std::filesystem::remove(model_ / "model.safetensors");
        write_file(model_ / "model.safetensors.index.json", text);
    }
    StoredTensor& tensor(const std::string& name) {
        return *std::find_if(tensors_.begin(), tensors_.end(),
                             [&](const StoredTensor& t) { return t.name == name; });
    }
    void erase(const std::string& start) {
        std::erase_if(tensors_, [&](const StoredTensor& t) { return t.name.starts_with(start); });
    }
    void expect_one(const std::vector<std::string_view>& words) {
        const auto faults = faults_of([&] { model::read_catalogue(model_); });
        EXPECT_EQ(count_faults(faults, words), 1) << text_of(faults);
        EXPECT_EQ(faults.size(), 1U) << text_of(faults);
    }

    TemporaryFolder folder_;
    std::filesystem::path model_ = folder_ / "model";
    std::string config_ = llama_config(kThreeBlocks);
    std::vector<StoredTensor> tensors_ =
        llama_tensors(kThreeBlocks, 5, support::ScalarType::bfloat16);
};

TEST_F(BadFolder, GoodToStartWith) {
    EXPECT_EQ(model::read_catalogue(model_).matrices.size(), 21U);
    write_shards();
    EXPECT_EQ(model::read_catalogue(model_).matrices.size(), 21U);
}

TEST_F(BadFolder, Missing) {
    model_ = folder_ / "nowhere";
    expect_one({"no such model folder", "nowhere"});
}

TEST_F(BadFolder, AFile) {
    model_ = model_ / "config.json";
    expect_one({"not a folder", "config.json"});
}

TEST_F(BadFolder, NoConfig) {
    std::filesystem::remove(model_ / "config.json");
    expect_one({"config.json"});
}

TEST_F(BadFolder, ConfigIsNotJson) {
    write_file(model_ / "config.json", std::string("{\"model_type\": "));
    expect_one({"config.json"});
}

TEST_F(BadFolder, ConfigNamesTheWeights) {
    config_.insert(config_.find('{') + 1, "\"transformers_weights\": \"other.safetensors\",");
    write();
    expect_one({"transformers_weights", "other.safetensors"});
}

TEST_F(BadFolder, ConfigIsReadByTheRulesOfPython) {
    config_.insert(config_.find('{') + 1, R"("limit": [0.0, Infinity], "num_hidden_layers": 99,)");
    write();
    EXPECT_EQ(model::read_catalogue(model_).matrices.size(), 21U);
    config_ = "\xEF\xBB\xBF" + config_;
    write();
    expect_one({"byte order mark", "config.json"});
}

TEST_F(BadFolder, NoWeights) {
    std::filesystem::remove(model_ / "model.safetensors");
    expect_one({"neither model.safetensors nor model.safetensors.index.json"});
}

TEST_F(BadFolder, PickledWeightsWithTheWayOut) {
    std::filesystem::remove(model_ / "model.safetensors");
    write_file(model_ / "pytorch_model.bin", std::string("x"));
    expect_one({"pickled", "pytorch_model.bin"});
    const auto faults = faults_of([&] { model::read_catalogue(model_); });
    EXPECT_NE(faults.at(0).remedy.find("safe_serialization=True"), std::string::npos);
}

TEST_F(BadFolder, TruncatedFile) {
    std::filesystem::resize_file(model_ / "model.safetensors",
                                 std::filesystem::file_size(model_ / "model.safetensors") - 1);
    const auto faults = faults_of([&] { model::read_catalogue(model_); });
    EXPECT_GE(count_faults(faults, {"model.safetensors"}), 1) << text_of(faults);
}

TEST_F(BadFolder, TruncatedShardIsNamedAlone) {
    write_shards();
    std::filesystem::resize_file(model_ / shard_name(1, 2), 100);
    expect_one({"model-00002-of-00002.safetensors"});
}

TEST_F(BadFolder, ConfigAndWeightsAtOnce) {
    write_file(model_ / "config.json", std::string("[]"));
    std::filesystem::remove(model_ / "model.safetensors");
    EXPECT_EQ(faults_of([&] { model::read_catalogue(model_); }).size(), 2U);
}

TEST_F(BadFolder, IndexIsNoObject) {
    write_index("[1]");
    expect_one({"no weight_map", "model.safetensors.index.json"});
    write_index("{\"weight_map\": 3}");
    expect_one({"no weight_map", "model.safetensors.index.json"});
    write_index("not json");
    expect_one({"model.safetensors.index.json"});
}

TEST_F(BadFolder, IndexLeadsOutOfTheFolder) {
    write_index(R"({"weight_map": {"a": "../x.safetensors", "b": "/etc/passwd", "c": "..",
                    "d": "sub/../../x.safetensors", "e": "", "f": 7, "g": "sub\\x.safetensors",
                    "h": "a\u0000b", "i": "./x.safetensors", "j": "sub//x.safetensors"}})");
    const auto faults = faults_of([&] { model::read_catalogue(model_); });
    EXPECT_EQ(count_faults(faults, {"outside the model folder"}), 9) << text_of(faults);
    EXPECT_EQ(count_faults(faults, {"/etc/passwd", "tensor b"}), 1) << text_of(faults);
    EXPECT_EQ(count_faults(faults, {"no file name", "tensor f"}), 1) << text_of(faults);
}

TEST_F(BadFolder, PipesAndDevicesAreNoFiles) {
    write_shards();
    const auto shard = model_ / shard_name(1, 2);
    std::filesystem::remove(shard);
    ASSERT_EQ(::mkfifo(shard.c_str(), 0666), 0);
    expect_one({"not a regular file", "model-00002-of-00002.safetensors"});
    std::filesystem::remove(shard);
    std::filesystem::create_symlink("/dev/zero", shard);
    expect_one({"points out of the model folder", "model-00002-of-00002.safetensors -> /dev/zero"});
    std::filesystem::remove(model_ / "config.json");
    ASSERT_EQ(::mkfifo((model_ / "config.json").c_str(), 0666), 0);
    const auto faults = faults_of([&] { model::read_catalogue(model_); });
    EXPECT_EQ(count_faults(faults, {"not a regular file"}), 1) << text_of(faults);
}

TEST_F(BadFolder, ACacheOfLinksIsAGoodOne) {
    write_shards();
    const auto cached = folder_ / "models--org--name";
    std::filesystem::create_directories(cached / "blobs");
    std::filesystem::create_directories(cached / "snapshots" / "0123abc");
    int number = 0;
    for (const auto& file : std::filesystem::directory_iterator(model_)) {
        const auto blob = "b" + std::to_string(number++);
        std::filesystem::rename(file.path(), cached / "blobs" / blob);
        std::filesystem::create_symlink(std::filesystem::path("../../blobs") / blob,
                                        cached / "snapshots" / "0123abc" / file.path().filename());
    }
    EXPECT_EQ(model::read_catalogue(cached / "snapshots" / "0123abc").matrices.size(), 21U);
}

TEST_F(BadFolder, AbsentShard) {
    write_shards();
    std::filesystem::remove(model_ / shard_name(0, 2));
    expect_one({"is missing", "model-00001-of-00002.safetensors"});
}

TEST_F(BadFolder, ShardLacksATensor) {
    write_shards();
    std::vector<StoredTensor> less(tensors_.begin(), tensors_.begin() + 9);
    write_file(model_ / shard_name(0, 2), safetensors_bytes(less));
    expect_one({"not in the shard", tensors_[9].name, "model-00001-of-00002.safetensors"});
}

TEST_F(BadFolder, TensorsOfTwoShardsThatDiffer) {
    write_shards();
    std::vector<StoredTensor> more(tensors_.begin() + 9, tensors_.end());
    more.front().bytes.back() ^= std::byte{1};
    write_file(model_ / shard_name(1, 2), safetensors_bytes(more));
    expect_one({"with different contents", tensors_[9].name, "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors"});
}

TEST_F(BadFolder, ShardsThatAreLinksOutOfTheFolder) {
    write_shards();
    const auto shard = model_ / shard_name(1, 2);
    std::filesystem::rename(shard, folder_ / "secret");
    std::filesystem::create_symlink("../secret", shard);
    expect_one({"points out of the model folder", "model-00002-of-00002.safetensors ->", "secret"});
    std::filesystem::remove(shard);
    std::filesystem::create_symlink("../nowhere", shard);
    expect_one({"points to nothing", "model-00002-of-00002.safetensors -> ../nowhere"});
}

TEST_F(BadFolder, WeightsThatHaveNotBeenFetched) {
    const auto weights = model_ / "model.safetensors";
    std::filesystem::remove(weights);
    std::filesystem::create_symlink("../.git/annex/objects/x", weights);
    expect_one({"points to nothing", "model.safetensors -> ../.git/annex"});
    std::filesystem::remove(weights);
    std::filesystem::create_symlink("../nothing", model_ / "model.safetensors.index.json");
    expect_one({"points to nothing", "model.safetensors.index.json ->"});
}

TEST_F(BadFolder, AnInnerFolderThatIsALinkOutOfTheFolder) {
    write_shards();
    std::filesystem::create_directory(folder_ / "outside");
    std::filesystem::rename(model_ / shard_name(1, 2), folder_ / "outside" / shard_name(1, 2));
    std::filesystem::create_directory_symlink("../outside", model_ / "weights");
    std::string index = support::read_text(model_ / "model.safetensors.index.json");
    for (auto at = index.find("model-00002"); at != index.npos;
         at = index.find("model-00002", at + 20)) {
        index.insert(at, "weights/");
    }
    write_index(index);
    expect_one({"points out of the model folder", "weights/model-00002-of-00002.safetensors ->"});
}

TEST_F(BadFolder, FewerBlocksThanAnnounced) {
    erase("model.layers.1.");
    write();
    expect_one({"announces 3 blocks", "have 2", "0, 2"});
}

TEST_F(BadFolder, MoreBlocksThanAnnounced) {
    config_ = llama_config({.blocks = 2});
    write();
    expect_one({"announces 2 blocks", "have 3", "0-2"});
}

TEST_F(BadFolder, NoBlocks) {
    erase("model.layers.");
    write();
    expect_one({"no tensor is named model.layers.<number>", "llama"});
}

TEST_F(BadFolder, MissingMatrices) {
    erase("model.layers.0.mlp.up_proj");
    erase("model.layers.2.self_attn.k_proj");
    write();
    expect_one(
        {"missing", "model.layers.0.mlp.up_proj.weight", "model.layers.2.self_attn.k_proj.weight"});
}

TEST_F(BadFolder, AnotherFamilyNamesAFewOfManyMissing) {
    const std::string old = "\"model_type\": \"llama\"";
    config_.replace(config_.find(old), old.size(), "\"model_type\": \"mistral\"");
    erase("model.layers.0.mlp");
    erase("model.layers.1.mlp");
    erase("model.layers.2.mlp");
    write();
    expect_one({"family mistral", "model.layers.1.mlp.down_proj.weight and 3 more"});
}

TEST_F(BadFolder, MatricesOfWrongShape) {
    StoredTensor& flat = tensor("model.layers.1.mlp.up_proj.weight");
    flat.shape = {flat.shape[0] * flat.shape[1]};
    StoredTensor& empty = tensor("model.layers.2.mlp.up_proj.weight");
    empty.shape = {0, empty.shape[1]};
    empty.bytes.clear();
    write();
    const auto faults = faults_of([&] { model::read_catalogue(model_); });
    EXPECT_GE(count_faults(faults, {"model.layers.2.mlp.up_proj.weight"}), 1) << text_of(faults);
    EXPECT_GE(count_faults(faults, {"model.layers.1.mlp.up_proj.weight"}), 1) << text_of(faults);
}

TEST_F(BadFolder, ADtypeThatIsNoNameIsShown) {
    tensor("model.layers.1.mlp.up_proj.weight").type = "I:16";
    write();
    expect_one({"I:16", "model.layers.1.mlp.up_proj.weight", "model.safetensors"});
}

}  // namespace
}  // namespace alphaprune::test
