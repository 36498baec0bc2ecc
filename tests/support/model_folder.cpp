#include "support/model_folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <stdexcept>
#include <utility>

namespace alphaprune::test {
namespace {

std::string header_text(std::span<const StoredTensor> tensors) {
    std::string text = R"({"__metadata__":{"format":"pt"})";
    std::size_t offset = 0;
    for (const StoredTensor& tensor : tensors) {
        text += fmt::format(R"(,"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                            tensor.name, tensor.type, fmt::join(tensor.shape, ","), offset,
                            offset + tensor.bytes.size());
        offset += tensor.bytes.size();
    }
    text += "}";
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
}

void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

StoredTensor make_tensor(std::string name, support::ScalarType type,
                         std::vector<std::int64_t> shape, std::span<const float> values) {
    StoredTensor tensor{std::move(name), std::string(support::name_of(type)), std::move(shape), {}};
    tensor.bytes.resize(values.size() * support::size_of(type));
    if (!values.empty()) {
        support::narrow(values, type, tensor.bytes);
    }
    return tensor;
}

StoredTensor random_tensor(std::string name, support::ScalarType type,
                           std::vector<std::int64_t> shape, std::uint64_t seed, float scale) {
    // The name takes part in the seed: no two tensors of a model are equal.
    for (const char letter : name) {
        seed = seed * 1'099'511'628'211U + static_cast<unsigned char>(letter);
    }
    std::mt19937_64 engine(seed);
    const auto uniform = [&] { return static_cast<float>(engine() >> 40) * 0x1p-24F - 0.5F; };
    const auto size =
        std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
    std::vector<float> values(static_cast<std::size_t>(size));
    for (float& value : values) {
        const float left = uniform() + uniform();
        const float right = uniform() + uniform();
        value = scale * (left + right);
    }
    return make_tensor(std::move(name), type, std::move(shape), values);
}

std::vector<std::byte> safetensors_bytes(std::span<const StoredTensor> tensors) {
    const std::string header = header_text(tensors);
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i < 8; ++i) {
        bytes.push_back(static_cast<std::byte>((header.size() >> (8 * i)) & 0xFFU));
    }
    append(bytes, std::as_bytes(std::span(header)));
    for (const StoredTensor& tensor : tensors) {
        append(bytes, tensor.bytes);
    }
    return bytes;
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) {
        throw std::runtime_error("cannot write " + path.string());
    }
}

void write_file(const std::filesystem::path& path, const std::string& text) {
    write_file(path, std::as_bytes(std::span(text)));
}

void write_model_folder(const std::filesystem::path& folder, const std::string& config_json,
                        std::span<const StoredTensor> tensors) {
    std::filesystem::create_directories(folder);
    write_file(folder / "config.json", config_json);
    write_file(folder / "model.safetensors", safetensors_bytes(tensors));
}

std::string shard_name(std::size_t index, std::size_t count) {
    return fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
}

void write_sharded_model_folder(const std::filesystem::path& folder, const std::string& config_json,
                                std::span<const std::vector<StoredTensor>> shards) {
    std::filesystem::create_directories(folder);
    write_file(folder / "config.json", config_json);
    std::size_t total = 0;
    std::vector<std::string> map;
    for (std::size_t i = 0; i < shards.size(); ++i) {
        const std::string name = shard_name(i, shards.size());
        write_file(folder / name, safetensors_bytes(shards[i]));
        for (const StoredTensor& tensor : shards[i]) {
            map.push_back(fmt::format(R"("{}": "{}")", tensor.name, name));
            total += tensor.bytes.size();
        }
    }
    write_file(folder / "model.safetensors.index.json",
               fmt::format("{{\"metadata\": {{\"total_size\": {}}},\n\"weight_map\": {{{}}}}}\n",
                           total, fmt::join(map, ",\n")));
}

}  // namespace alphaprune::test
