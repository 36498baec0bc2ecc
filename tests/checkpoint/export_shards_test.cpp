#include "export_folder.hpp"

#include <gtest/gtest.h>

#include "alphaprune/formats/safetensors.hpp"

namespace alphaprune::test {
namespace {

using enum support::ScalarType;

model::TensorInfo tensor(std::string name, support::ScalarType type,
                         std::vector<std::int64_t> shape) {
    return {std::move(name), type, std::move(shape), 0, 0, -1};
}

/// Tensors of so many bytes each.
std::vector<model::TensorInfo> of_bytes(const std::vector<std::int64_t>& sizes) {
    std::vector<model::TensorInfo> tensors;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        tensors.push_back(tensor("t" + std::to_string(i), bfloat16, {sizes[i] / 2}));
    }
    return tensors;
}

std::vector<std::vector<int>> groups(const checkpoint::ExportShards& plan) {
    std::vector<std::vector<int>> groups;
    for (const checkpoint::ExportShard& shard : plan.shards) {
        groups.push_back(shard.tensors);
    }
    return groups;
}

using Groups = std::vector<std::vector<int>>;

TEST(ExportShards, FillsEachFileUpToTheLimit) {
    const auto tensors = of_bytes({40, 60, 2, 98, 10});
    EXPECT_EQ(groups(checkpoint::plan_export_shards(tensors, 100)), (Groups{{0, 1}, {2, 3}, {4}}));
    EXPECT_EQ(groups(checkpoint::plan_export_shards(tensors, 99)), (Groups{{0}, {1, 2}, {3}, {4}}));
    EXPECT_EQ(groups(checkpoint::plan_export_shards(tensors, 210)), (Groups{{0, 1, 2, 3, 4}}));
}

TEST(ExportShards, ATensorOverTheLimitHasAFileOfItsOwn) {
    EXPECT_EQ(groups(checkpoint::plan_export_shards(of_bytes({10, 500, 10, 10}), 20)),
              (Groups{{0}, {1}, {2, 3}}));
    EXPECT_EQ(groups(checkpoint::plan_export_shards(of_bytes({500, 10}), 20)), (Groups{{0}, {1}}));
    EXPECT_EQ(groups(checkpoint::plan_export_shards(of_bytes({4, 4, 4}), 0)),
              (Groups{{0}, {1}, {2}}));
}

TEST(ExportShards, TensorsWithoutBytesTakeNoRoom) {
    EXPECT_EQ(groups(checkpoint::plan_export_shards(of_bytes({0, 20, 0, 20, 0}), 20)),
              (Groups{{0, 1, 2}, {3, 4}}));
    EXPECT_EQ(groups(checkpoint::plan_export_shards(of_bytes({0, 0, 30}), 20)),
              (Groups{{0, 1, 2}}));
}

TEST(ExportShards, FilesAreNamedAsTransformersDoes) {
    EXPECT_EQ(checkpoint::plan_export_shards(of_bytes({2}), 2).shards.front().file,
              "model.safetensors");
    const checkpoint::ExportShards plan =
        checkpoint::plan_export_shards(of_bytes(std::vector<std::int64_t>(12, 2)), 2);
    EXPECT_EQ(plan.shards.front().file, "model-00001-of-00012.safetensors");
    EXPECT_EQ(plan.shards.back().file, "model-00012-of-00012.safetensors");
}

TEST(ExportShards, LargerValuesComeFirstSoThatEveryTensorIsAligned) {
    const std::vector<model::TensorInfo> tensors{
        tensor("a", bfloat16, {3}), tensor("b", float32, {2, 1}), tensor("c", float16, {1}),
        tensor("d", float32, {}), tensor("e", float32, {0, 4})};
    const checkpoint::ExportShards plan = checkpoint::plan_export_shards(tensors, 1000);
    EXPECT_EQ(groups(plan), (Groups{{1, 3, 4, 0, 2}}));
    EXPECT_EQ(plan.shards[0].bytes, 20U);
    const std::vector<std::uint64_t> offsets{12, 0, 18, 8, 12};
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        EXPECT_EQ(plan.places[t].offset, offsets[t]) << tensors[t].name;
    }
}

TEST(ExportShards, AModelWithoutTensorsIsOneEmptyFile) {
    const checkpoint::ExportShards plan = checkpoint::plan_export_shards({}, 100);
    ASSERT_EQ(plan.shards.size(), 1U);
    const std::vector<std::pair<std::string, std::string>> metadata{{"format", "pt"}};
    const auto head = checkpoint::safetensors_head(plan, plan.shards[0], {}, metadata);
    EXPECT_TRUE(formats::parse_safetensors_header(head, head.size(), "empty").tensors.empty());
}

TEST(ExportShards, TheHeadIsWhatTheFormatAsksFor) {
    const std::vector<model::TensorInfo> tensors{tensor("größe \"x\"\n", float16, {2, 3}),
                                                 tensor("b", float32, {})};
    const checkpoint::ExportShards plan = checkpoint::plan_export_shards(tensors, 1000);
    for (const std::string note : {"", "1", "12", "123", "1234", "12345", "123456", "1234567"}) {
        const std::vector<std::pair<std::string, std::string>> metadata{{"format", "pt"},
                                                                        {"note", note}};
        const auto head = checkpoint::safetensors_head(plan, plan.shards[0], tensors, metadata);
        EXPECT_EQ(head.size() % 8, 0U);
        const auto header = formats::parse_safetensors_header(head, head.size() + 16, "head");
        EXPECT_EQ(header.metadata, metadata);
        ASSERT_EQ(header.tensors.size(), 2U);
        EXPECT_EQ(header.tensors[0].name, "b");
        EXPECT_EQ(header.tensors[0].begin, head.size());
        EXPECT_EQ(header.tensors[1].name, tensors[0].name);
        EXPECT_EQ(header.tensors[1].shape, tensors[0].shape);
        EXPECT_EQ(header.tensors[1].end, head.size() + 16);
    }
}

}  // namespace
}  // namespace alphaprune::test
