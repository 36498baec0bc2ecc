#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/support/scalar.hpp"

namespace alphaprune::test {

/// A tensor as a safetensors file holds it. `type` is text so that a test can write a wrong one.
struct StoredTensor {
    std::string name;
    std::string type = "F32";
    std::vector<std::int64_t> shape;
    std::vector<std::byte> bytes;
};

/// The values rounded to `type`.
StoredTensor make_tensor(std::string name, support::ScalarType type,
                         std::vector<std::int64_t> shape, std::span<const float> values);
/// Pseudo-random values, bell-shaped around zero, the same for the same seed on every machine.
StoredTensor random_tensor(std::string name, support::ScalarType type,
                           std::vector<std::int64_t> shape, std::uint64_t seed, float scale = 1.0F);

/// A whole safetensors file.
std::vector<std::byte> safetensors_bytes(std::span<const StoredTensor> tensors);

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file(const std::filesystem::path& path, const std::string& text);

/// config.json and model.safetensors in `folder`, which is made if need be.
void write_model_folder(const std::filesystem::path& folder, const std::string& config_json,
                        std::span<const StoredTensor> tensors);

/// config.json, one file a shard (shard_name(i, n)) and model.safetensors.index.json.
void write_sharded_model_folder(const std::filesystem::path& folder, const std::string& config_json,
                                std::span<const std::vector<StoredTensor>> shards);
/// "model-00001-of-00003.safetensors" for index 0 of 3.
std::string shard_name(std::size_t index, std::size_t count);

/// Sizes of a small made-up model.
struct LlamaSizes {
    int blocks = 2;
    int hidden = 16;
    int intermediate = 24;
    int heads = 4;
    int kv_heads = 2;
    int vocabulary = 32;
};

/// A config.json as transformers 5 writes it.
std::string llama_config(const LlamaSizes& sizes);
/// All tensors of such a model, sorted by name as transformers does, so that block 10 comes before
/// block 2 in the file.
std::vector<StoredTensor> llama_tensors(const LlamaSizes& sizes, std::uint64_t seed,
                                        support::ScalarType type);

/// A complete model folder with pseudo-random weights (vocabulary of 32, untied).
void make_llama_folder(const std::filesystem::path& folder, int blocks, int hidden,
                       int intermediate, int heads, int kv_heads, std::uint64_t seed,
                       support::ScalarType type);

}  // namespace alphaprune::test
