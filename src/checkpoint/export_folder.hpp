#pragma once

#include <filesystem>

#include "alphaprune/model/catalogue.hpp"
#include "export_shards.hpp"

namespace alphaprune::checkpoint {

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
                       const ExportShards& plan);

}  // namespace alphaprune::checkpoint
