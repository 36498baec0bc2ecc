#pragma once

#include <filesystem>
#include <span>

#include "alphaprune/cli/options.hpp"

namespace alphaprune::commands {

/// With --overwrite, what lies at `doomed` is removed: nothing that the request names as input, and
/// no file of the model, may be it or lie in it.
/// @throws Error (bad_request)
void require_inputs_elsewhere(const cli::Options& options, const std::filesystem::path& model,
                              std::span<const std::filesystem::path> doomed);

}  // namespace alphaprune::commands
