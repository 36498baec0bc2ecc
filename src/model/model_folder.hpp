#pragma once

#include <filesystem>
#include <string>

namespace alphaprune::model {

/// @throws Error (bad_request) when there is no such folder, or it may not be read
void require_model_folder(const std::filesystem::path& folder);

/// Last part of the path as the user gave it, links not followed.
std::string folder_name(const std::filesystem::path& folder);

}  // namespace alphaprune::model
