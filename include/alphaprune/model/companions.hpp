#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune {

/// Whether a file of that name belongs beside the weights wherever they go: what the tokenizer
/// needs, the chat template, the settings of generation. config.json is not one of them: it is part
/// of the catalogue.
bool is_companion(std::string_view file_name);

/// All companions of the model, by name. Those of a folder may be links, as in the cache of
/// Hugging Face's own tools; what is read is the file they lead to.
/// @throws Error when one cannot be read, or is a link out of the folder to a file of another name
///         that is not in such a cache
std::vector<Companion> read_companions(const Catalogue& catalogue);

/// The contents of one of them; nothing when the model has no such file. @throws Error
std::optional<std::string> read_companion(const Catalogue& catalogue, std::string_view file_name);

}  // namespace alphaprune
