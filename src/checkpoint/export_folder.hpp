#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::checkpoint {

/// One safetensors file to be.
struct ExportShard {
    std::string file;
    std::vector<int> tensors;  ///< indices into the catalogue, by position in the file
    std::uint64_t bytes = 0;   ///< of the tensors
};

/// Where a tensor goes.
struct TensorPlace {
    int shard = 0;
    std::uint64_t offset = 0;  ///< of its first byte, counted from the first byte of any tensor
};

struct ExportShards {
    std::vector<ExportShard> shards;  ///< at least one
    std::vector<TensorPlace> places;  ///< one per tensor
};

/// Divides the tensors, in their order, over files of at most `shard_bytes`; a larger tensor has a
/// file of its own. Inside a file the tensors of larger values come first, and those whose values
/// are no whole bytes last, so that every one begins at a multiple of the size of its values:
/// readers that map the file need that.
ExportShards plan_export_shards(std::span<const model::TensorInfo> tensors,
                                std::uint64_t shard_bytes);

/// What a shard's file begins with: the length of the header, and the header, padded with spaces to
/// a multiple of 8 bytes.
/// @param metadata  text pairs for __metadata__
std::vector<std::byte> safetensors_head(
    const ExportShards& plan, const ExportShard& shard, std::span<const model::TensorInfo> tensors,
    std::span<const std::pair<std::string, std::string>> metadata);
/// The same for tensors that begin at these offsets. @param size  of the result; 0: as above
std::vector<std::byte> safetensors_head(
    std::span<const model::TensorInfo> tensors, std::span<const std::uint64_t> offsets,
    std::span<const std::pair<std::string, std::string>> metadata, std::size_t size = 0);

/// model.safetensors.index.json.
/// @param names  of what each file has
/// @param bytes  of all of that
std::string safetensors_index(const ExportShards& plan,
                              std::span<const std::vector<std::string>> names, std::uint64_t bytes);
/// Of a model as it is.
std::string safetensors_index(const ExportShards& plan, std::span<const model::TensorInfo> tensors);

/// The folder without the slash that its path may end with.
std::filesystem::path without_last_slash(const std::filesystem::path& folder);

/// @throws Error (bad_request) when anything but an empty folder exists under that path
void require_free(const std::filesystem::path& folder);

/// Whether the folder of an earlier run can be taken over, under the partial name or else under its
/// final name, which it then loses: all shards are there, and nothing foreign is. Only
/// the shards stay in it.
bool take_over_folder(const std::filesystem::path& folder, const model::Catalogue& catalogue,
                      const ExportShards& plan);

/// Makes the folder, empty; what an earlier run that was killed has left there goes.
void make_empty(const std::filesystem::path& partial);

/// Writes everything beside the weights: configuration, auxiliary files, the index of several
/// shards.
void write_small_files(const std::filesystem::path& folder, const model::Catalogue& catalogue,
                       const ExportShards& plan, const std::string& index);

}  // namespace alphaprune::checkpoint
