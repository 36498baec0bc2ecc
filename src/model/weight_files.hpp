#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// What an index says.
struct WeightIndex {
    std::filesystem::path path;
    /// Tensor and the shard it is in.
    std::vector<std::pair<std::string, std::string>> map;
    bool has_metadata = false;
    std::optional<std::uint64_t> total_size;  ///< bytes of all tensors
};

/// Which files of a model folder hold its weights.
struct WeightFiles {
    std::vector<std::string> shards;   ///< names inside the folder, sorted
    std::optional<WeightIndex> index;  ///< nothing for a model of one file
};

/// model.safetensors where it is there, else the shards of the index, as transformers does.
/// Faults: neither is there; an index that is not one, or names a file outside the folder.
/// @param warnings  gets a sentence for shards that are there and not read
WeightFiles find_weight_files(const std::filesystem::path& folder, support::FaultList& faults,
                              std::vector<std::string>& warnings);

}  // namespace alphaprune::model
