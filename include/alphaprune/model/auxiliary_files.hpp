#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// Whether a file of that name inside a model's folder goes with the weights wherever they go: all
/// that lies in the folder itself (tokenizer, code, templates, license …), code and chat templates
/// in its subfolders; not weights in any format, their indexes, training states, hidden files.
/// config.json is not one of them: it is part of the catalogue.
bool is_auxiliary_file(std::string_view name);

/// Whether a folder `name` inside `root` holds auxiliary files and nothing else, in particular no
/// link.
bool is_folder_of_auxiliary_files(const std::filesystem::path& root, const std::string& name);

/// All auxiliary files of the model, by name, except those of a folder that are too large. They may
/// be links, as in the cache of Hugging Face's own tools; then the file that they point to is read.
/// @throws Error when one cannot be read, or is a link to a file that belongs to no model
std::vector<AuxiliaryFile> read_auxiliary_files(const Catalogue& catalogue);

/// Their names alone.
std::vector<std::string> names_of_auxiliary_files(const Catalogue& catalogue);

/// Reads them as a test, before work is done that would end with writing them.
/// @return what a user should know of those that are left out, a sentence each
/// @throws Error with all that is wrong with them
std::vector<std::string> check_auxiliary_files(const Catalogue& catalogue);

/// The contents of one of them; nothing when the model has no such file. @throws Error
std::optional<std::string> read_auxiliary_file(const Catalogue& catalogue, std::string_view name);

}  // namespace alphaprune::model
