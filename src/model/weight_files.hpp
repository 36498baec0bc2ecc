#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune {

/// Which files of a model folder hold its weights.
struct WeightFiles {
    std::vector<std::string> shards;  ///< names inside the folder, sorted
    /// What the index says: tensor and the shard it is in. Nothing for a model of one file.
    std::optional<std::vector<std::pair<std::string, std::string>>> index;
    std::filesystem::path index_path;
};

/// model.safetensors where it is there, else the shards of the index, as transformers does.
/// Faults: neither is there; an index that is not one, or names a file outside the folder.
WeightFiles find_weight_files(const std::filesystem::path& folder, FaultList& faults);

}  // namespace alphaprune
