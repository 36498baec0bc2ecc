#pragma once

#include <filesystem>

#include "alphaprune/model/catalogue.hpp"
#include "shard_plan.hpp"

namespace alphaprune {

/// The folder without the slash that its path may end with.
std::filesystem::path without_last_slash(const std::filesystem::path& folder);

/// @throws Error (bad_request) when something other than an empty folder stands in the place
void require_free(const std::filesystem::path& folder);

/// Makes the folder, empty; what an earlier run that was killed has left there goes.
void make_empty(const std::filesystem::path& partial);

/// Writes everything beside the weights: configuration, companions, the index of several shards.
void write_small_files(const std::filesystem::path& folder, const Catalogue& catalogue,
                       const ShardPlan& plan);

}  // namespace alphaprune
