#include "export_shards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "alphaprune/formats/json.hpp"

namespace alphaprune::checkpoint {
namespace {

constexpr std::uint64_t kHeaderAlignment = 8;

std::vector<ExportShard> divide(std::span<const model::TensorInfo> tensors,
                                std::uint64_t shard_bytes) {
    std::vector<ExportShard> shards(1);
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        const std::uint64_t bytes = tensors[t].bytes();
        const std::uint64_t before = shards.back().bytes;
        if (before > 0 && bytes > 0 && (before >= shard_bytes || bytes > shard_bytes - before)) {
            shards.emplace_back();
        }
        shards.back().tensors.push_back(static_cast<int>(t));
        shards.back().bytes += bytes;
    }
    return shards;
}

/// A power of two by which a tensor's beginning and its bytes can be divided: the size of a value,
/// or what that is likely to be where it is not known; 1 where a value is no whole bytes.
std::uint64_t alignment_of(const model::TensorInfo& tensor) {
    const auto values = static_cast<std::uint64_t>(tensor.values());
    std::uint64_t bits = 8;
    if (tensor.type.bits()) {
        bits = static_cast<std::uint64_t>(*tensor.type.bits());
    } else if (values > 0 && tensor.bytes() % values == 0) {
        bits = 8 * (tensor.bytes() / values);
    }
    constexpr std::uint64_t kMost = 16;
    std::uint64_t alignment = 1;
    while (alignment < kMost && bits > 0 && bits % (16 * alignment) == 0) {
        alignment *= 2;
    }
    return alignment;
}

std::string file_name(std::size_t shard, std::size_t shards) {
    return shards == 1 ? "model.safetensors"
                       : fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, shards);
}

formats::Json entry_of(const model::TensorInfo& tensor, std::uint64_t offset) {
    formats::Json::Array shape(tensor.shape.begin(), tensor.shape.end());
    return formats::Json::Object{
        {"dtype", tensor.type.name()},
        {"shape", std::move(shape)},
        {"data_offsets", formats::Json::Array{offset, offset + tensor.bytes()}}};
}

}  // namespace

ExportShards plan_export_shards(std::span<const model::TensorInfo> tensors,
                                std::uint64_t shard_bytes) {
    ExportShards plan{divide(tensors, shard_bytes), std::vector<TensorPlace>(tensors.size())};
    for (std::size_t s = 0; s < plan.shards.size(); ++s) {
        ExportShard& shard = plan.shards[s];
        shard.file = file_name(s, plan.shards.size());
        std::ranges::stable_sort(shard.tensors, std::ranges::greater(), [&](int t) {
            return alignment_of(tensors[static_cast<std::size_t>(t)]);
        });
        std::uint64_t offset = 0;
        for (const int t : shard.tensors) {
            plan.places[static_cast<std::size_t>(t)] = {static_cast<int>(s), offset};
            offset += tensors[static_cast<std::size_t>(t)].bytes();
        }
    }
    return plan;
}

std::vector<std::byte> safetensors_head(
    const ExportShards& plan, const ExportShard& shard, std::span<const model::TensorInfo> tensors,
    std::span<const std::pair<std::string, std::string>> metadata) {
    formats::Json::Object header{
        {"__metadata__", formats::Json::Object(metadata.begin(), metadata.end())}};
    for (const int t : shard.tensors) {
        const auto at = static_cast<std::size_t>(t);
        header.emplace_back(tensors[at].name, entry_of(tensors[at], plan.places[at].offset));
    }
    std::string text = formats::Json(std::move(header)).dump(-1);
    text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
    const std::uint64_t length = text.size();  // little-endian, as every machine this runs on
    std::vector<std::byte> head(sizeof(length) + text.size());
    std::memcpy(head.data(), &length, sizeof(length));
    std::memcpy(head.data() + sizeof(length), text.data(), text.size());
    return head;
}

std::string safetensors_index(const ExportShards& plan,
                              std::span<const model::TensorInfo> tensors) {
    std::uint64_t total = 0;
    formats::Json::Object map;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        total += tensors[t].bytes();
        map.emplace_back(tensors[t].name,
                         plan.shards[static_cast<std::size_t>(plan.places[t].shard)].file);
    }
    return formats::Json(
               formats::Json::Object{{"metadata", formats::Json::Object{{"total_size", total}}},
                                     {"weight_map", std::move(map)}})
               .dump() +
           "\n";
}

}  // namespace alphaprune::checkpoint
