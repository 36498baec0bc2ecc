#pragma once

#include <filesystem>
#include <string_view>

namespace alphaprune::model {

/// Whether this is the name of a file inside a model's folder, by itself or in folders of it:
/// neither absolute nor with "." or ".." in it, a backslash or a zero byte.
bool is_inner_name(std::string_view name);

/// Makes sure that the file of that name is a part of the model. It may be a link to where the file
/// is kept: inside the folder, in a cache of Hugging Face's tools, in a store that names files by
/// their digests, or to the same name in another model's folder. A link to anything else, as a
/// model from a stranger may have it, would carry a file of the user's along. Whether a file can be
/// opened is not looked at.
/// @param name  inside the folder
/// @throws Error (bad_request) when it is a link to anything else, or to nothing
void require_model_file(const std::filesystem::path& folder, std::string_view name);

}  // namespace alphaprune::model
