#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// Whether a file of that name inside a model's folder goes with the weights wherever they go: all
/// that lies in the folder itself (tokenizer, code, templates, licence …), code and chat templates
/// in folders of it; not weights in any format, their indexes, the state of a training, hidden
/// files. config.json is not one of them: it is part of the catalogue.
bool is_auxiliary_file(std::string_view name);

/// Whether a folder `name` inside `root` holds auxiliary files and nothing else, no link above all.
bool is_folder_of_auxiliary_files(const std::filesystem::path& root, const std::string& name);

/// All auxiliary files of the model, by name, but for those of a folder that are too large. Those
/// may be links, as in the cache of Hugging Face's own tools; what is read is the file they lead
/// to.
/// @throws Error when one cannot be read, or is a link to what is no file of a model
std::vector<AuxiliaryFile> read_auxiliary_files(const Catalogue& catalogue);

/// Their names alone.
std::vector<std::string> names_of_auxiliary_files(const Catalogue& catalogue);

/// Reads them for a try, before work is done that would end with writing them.
/// @return what a user should know of those that are left out, a sentence each
/// @throws Error with all that is wrong with them
std::vector<std::string> check_auxiliary_files(const Catalogue& catalogue);

/// The contents of one of them; nothing when the model has no such file. @throws Error
std::optional<std::string> read_auxiliary_file(const Catalogue& catalogue, std::string_view name);

}  // namespace alphaprune::model
