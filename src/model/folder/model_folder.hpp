#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace alphaprune::model {

/// @throws Error (bad_request) when there is no such folder, or it may not be read
void require_model_folder(const std::filesystem::path& folder);

/// Last part of the path as the user gave it, links not followed.
std::string folder_name(const std::filesystem::path& folder);

/// Whether this is the name of a file inside a model's folder or a subfolder of it: neither
/// absolute nor with "." or ".." in it, a backslash or a zero byte.
bool is_inner_name(std::string_view name);

/// Makes sure that the file of that name is part of the model. It may be a link to where the file
/// is kept: inside the folder, in a cache of Hugging Face's tools, in a store that names files by
/// their digests, or to the same name in another model's folder. A link to anything else, which a
/// model from a stranger may contain, would copy a private file of the user's into the result.
/// Whether a file can be opened is not checked.
/// @param name  inside the folder
/// @throws Error (bad_request) when it is a link to anything else, or to nothing
void require_model_file(const std::filesystem::path& folder, std::string_view name);

}  // namespace alphaprune::model
