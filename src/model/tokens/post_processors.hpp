#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"

namespace alphaprune::model {

/// The special tokens around a sequence (the library `tokenizers`, module processors). Of each
/// template, in their order: special tokens, and nothing where the sequence goes.
using SequenceTemplate = std::vector<std::optional<std::int32_t>>;

/// What tokenizer.json has under "post_processor", as far as it concerns ids. Understood are
/// Sequence, TemplateProcessing (its template for single sequences) and ByteLevel.
/// @param value  may be null
/// @throws Error (bad_request) naming what is not understood
std::vector<SequenceTemplate> read_post_processors(const formats::Json* value,
                                                   const std::string& where);

std::vector<std::int32_t> fill(const std::vector<SequenceTemplate>& templates,
                               std::vector<std::int32_t> ids);

}  // namespace alphaprune::model
