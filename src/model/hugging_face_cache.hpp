#pragma once

#include <filesystem>
#include <string>

namespace alphaprune {

/// models--ORG--NAME in a cache of Hugging Face's tools, for ORG/NAME.
std::filesystem::path cached_model(const std::filesystem::path& cache,
                                   const std::string& repository);

/// The snapshot that refs/main of such a folder names; empty when there is none.
std::filesystem::path snapshot_in(const std::filesystem::path& cached);

}  // namespace alphaprune
