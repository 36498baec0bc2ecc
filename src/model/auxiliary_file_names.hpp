#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace alphaprune::model {

/// The auxiliary files in a model's folder, by name, links that lead nowhere among them. Of its own
/// folders: the chat templates, and code where a configuration names it.
/// @param configuration  the text of config.json
std::vector<std::string> auxiliary_file_names(const std::filesystem::path& folder,
                                              const std::string& configuration);

}  // namespace alphaprune::model
