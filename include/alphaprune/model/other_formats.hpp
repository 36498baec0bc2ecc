#pragma once

#include <filesystem>

#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// What to say of a model folder without model.safetensors and without an index: which other format
/// its weights are in, and how to come by safetensors.
support::Error no_safetensors(const std::filesystem::path& folder);

/// For a file given as a model. @throws Error (bad_request) when it is weights in a format that the
/// program does not read, or a file of a model folder; not for anything else
void refuse_other_format(const std::filesystem::path& file);

}  // namespace alphaprune::model
