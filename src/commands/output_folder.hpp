#pragma once

#include <cstdint>
#include <filesystem>

#include "alphaprune/commands/options.hpp"

namespace alphaprune {

/// Makes the output folder ready, on rank 0, before any work: it must not exist (or `--overwrite`:
/// then what this program wrote there before is removed, and nothing else), must be writable, and
/// its file system must have room.
/// @param model  the model's folder, which must not be the output
/// @throws Error (bad_request)
void prepare_output_folder(const Options& options, const std::filesystem::path& model,
                           std::uint64_t bytes_needed);

/// The same for `export`, whose output is the Hugging Face folder itself: it must not exist, or
/// with `--overwrite` hold a model, which is then removed.
/// @throws Error (bad_request)
void prepare_export_folder(const Options& options, const std::filesystem::path& model,
                           std::uint64_t bytes_needed);

}  // namespace alphaprune
