#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "model/faults.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {
namespace {

using Shards = std::map<std::string, std::vector<StoredTensor>>;
using Index = std::map<std::string, std::string>;

/// A model of two shards whose index says what a test wants it to.
class IndexAgainstShards : public testing::Test {
  protected:
    IndexAgainstShards() {
        const LlamaSizes sizes;
        config_ = llama_config(sizes);
        for (StoredTensor& tensor : llama_tensors(sizes, 5, support::ScalarType::bfloat16)) {
            const bool first = tensor.name.find("layers.0.") != std::string::npos;
            const std::string shard = first ? kFirst : kSecond;
            index_[tensor.name] = shard;
            bytes_ += tensor.bytes.size();
            shards_[shard].push_back(std::move(tensor));
        }
        metadata_ = R"({"total_size": )" + std::to_string(bytes_) + "}";
    }

    void become_generic() {
        const std::string known = "\"llama\"";
        config_.replace(config_.find(known), known.size(), "\"unheard-of\"");
    }

    model::Catalogue read() {
        write_file(model_ / "config.json", config_);
        for (const auto& [name, tensors] : shards_) {
            std::filesystem::create_directories((model_ / name).parent_path());
            write_file(model_ / name, safetensors_bytes(tensors));
        }
        formats::Json::Object map(index_.begin(), index_.end());
        const std::string weight_map = formats::Json(std::move(map)).dump();
        write_file(model_ / "model.safetensors.index.json",
                   metadata_.empty()
                       ? "{\"weight_map\": " + weight_map + "}"
                       : "{\"metadata\": " + metadata_ + ", \"weight_map\": " + weight_map + "}");
        return model::read_catalogue(model_);
    }

    /// It is read, with one warning that has these words.
    void expect_warning(const std::vector<std::string>& words) {
        const model::Catalogue catalogue = read();
        ASSERT_EQ(catalogue.warnings.size(), 1U) << words.front();
        for (const std::string& word : words) {
            EXPECT_NE(catalogue.warnings[0].find(word), std::string::npos)
                << word << " in: " << catalogue.warnings[0];
        }
        EXPECT_EQ(catalogue.matrices.size(), 14U);
    }

    static constexpr const char* kFirst = "model-00001-of-00002.safetensors";
    static constexpr const char* kSecond = "model-00002-of-00002.safetensors";

    TemporaryFolder folder_;
    std::filesystem::path model_ = [&] {
        std::filesystem::create_directories(folder_ / "model");
        return folder_ / "model";
    }();
    std::string config_;
    Shards shards_;
    Index index_;
    std::string metadata_;
    std::size_t bytes_ = 0;
};

TEST_F(IndexAgainstShards, Agreeing) {
    EXPECT_TRUE(read().warnings.empty());
}

TEST_F(IndexAgainstShards, NamesMore) {
    index_["mtp.fc.weight"] = kFirst;
    expect_warning({"no shard has", "mtp.fc.weight"});
    become_generic();
    expect_warning({"no shard has", "mtp.fc.weight"});
    index_["model.layers.7.self_attn.q_proj.weight"] = kFirst;  // past the last block
    expect_warning({"no shard has", "mtp.fc.weight", "model.layers.7."});
}

TEST_F(IndexAgainstShards, NamesANeededOneThatIsNowhere) {
    for (const bool generic : {false, true}) {
        if (generic) {
            become_generic();
        }
        for (const char* name :
             {"model.norm.weight", "lm_head.weight", "model.layers.1.mlp.up_proj.weight"}) {
            const Shards whole = shards_;
            std::erase_if(shards_[kSecond],
                          [&](const StoredTensor& tensor) { return tensor.name == name; });
            const auto faults = faults_of([&] { read(); });
            EXPECT_EQ(count_faults(faults, {"not in the shard", name, kSecond}), 1)
                << text_of(faults);
            EXPECT_EQ(faults.size(), 1U) << text_of(faults);
            shards_ = whole;
        }
    }
}

TEST_F(IndexAgainstShards, NamesLess) {
    index_.erase("lm_head.weight");
    expect_warning({"not in the index", "lm_head.weight"});
    EXPECT_NE(read().find_tensor("lm_head.weight"), nullptr);
}

TEST_F(IndexAgainstShards, NamesAnotherShard) {
    index_["lm_head.weight"] = kFirst;
    EXPECT_TRUE(read().warnings.empty());
}

TEST_F(IndexAgainstShards, TensorsTwiceAlike) {
    shards_[kFirst].push_back(shards_[kSecond].front());
    const std::string name = shards_[kFirst].back().name;
    expect_warning({"equal contents", name});
    const model::Catalogue catalogue = read();
    EXPECT_EQ(catalogue.tensors.size(), index_.size());
    EXPECT_EQ(catalogue.find_tensor(name)->shard, 1) << "the last, as transformers";
}

TEST_F(IndexAgainstShards, TensorsTwiceThatDiffer) {
    shards_[kFirst].push_back(
        random_tensor("model.rotary.inv_freq", support::ScalarType::float32, {4}, 1));
    shards_[kSecond].push_back(
        random_tensor("model.rotary.inv_freq", support::ScalarType::float32, {4}, 2));
    index_["model.rotary.inv_freq"] = kFirst;
    metadata_ = "{}";
    expect_warning({"differ", "model.rotary.inv_freq"});
    shards_[kFirst].push_back(shards_[kSecond].front());
    shards_[kFirst].back().bytes[0] ^= std::byte{4};
    const std::string name = shards_[kFirst].back().name;
    const auto faults = faults_of([&] { read(); });
    EXPECT_EQ(count_faults(faults, {"with different contents", name, kFirst, kSecond}), 1)
        << text_of(faults);
    EXPECT_EQ(faults.size(), 1U) << text_of(faults);
    shards_[kFirst].back().shape = {static_cast<std::int64_t>(shards_[kFirst].back().bytes.size() /
                                                              2)};  // alike but for the shape
    shards_[kFirst].back().bytes[0] ^= std::byte{4};
    if (shards_[kSecond].front().shape.size() > 1) {
        EXPECT_EQ(faults_of([&] { read(); }).size(), 1U);
    }
}

TEST_F(IndexAgainstShards, WrongSizeOrNoMetadata) {
    metadata_ = R"({"total_size": 1})";
    expect_warning({"total_size", "1 bytes", std::to_string(bytes_)});
    metadata_ = R"({"total_size": )" + std::to_string(bytes_) + ".0}";
    EXPECT_TRUE(read().warnings.empty());
    metadata_.clear();
    expect_warning({"no metadata"});
}

TEST_F(IndexAgainstShards, MembersGivenTwice) {
    read();
    write_file(model_ / "model.safetensors.index.json",
               R"({"weight_map": {"a": 3}, "metadata": {"total_size": )" + std::to_string(bytes_) +
                   R"(}, "weight_map": )" +
                   formats::Json(formats::Json::Object(index_.begin(), index_.end())).dump() + "}");
    EXPECT_TRUE(model::read_catalogue(model_).warnings.empty());
}

TEST_F(IndexAgainstShards, ShardsInFoldersOfTheModel) {
    shards_["weights/" + std::string(kSecond)] = shards_[kSecond];
    shards_.erase(kSecond);
    for (auto& [tensor, shard] : index_) {
        shard = shard == kSecond ? "weights/" + std::string(kSecond) : shard;
    }
    const model::Catalogue catalogue = read();
    EXPECT_TRUE(catalogue.warnings.empty());
    EXPECT_EQ(catalogue.shards[1], "weights/model-00002-of-00002.safetensors");
    EXPECT_EQ(catalogue.matrices.size(), 14U);
}

TEST_F(IndexAgainstShards, FilesThatAreNotRead) {
    shards_["model-00003-of-00003.safetensors"] = shards_[kFirst];
    shards_["consolidated.safetensors"] = shards_[kFirst];  // no shard by its name
    expect_warning({"not read", "index does not name them", "model-00003-of-00003.safetensors"});
    shards_["model.safetensors"] = shards_[kFirst];
    auto& all = shards_["model.safetensors"];
    all.insert(all.end(), shards_[kSecond].begin(), shards_[kSecond].end());
    expect_warning({"there is a model.safetensors", kFirst, kSecond});
}

}  // namespace
}  // namespace alphaprune::test
