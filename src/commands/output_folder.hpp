#pragma once

#include <cstdint>
#include <filesystem>

#include "alphaprune/commands/options.hpp"

namespace alphaprune {

/// Makes the output folder ready, on rank 0, before any work: it must not exist (or `--overwrite`:
/// then what this program wrote there before is removed, and nothing else), must be writable, and
/// its file system must have room.
/// @throws Error (bad_request)
void prepare_output_folder(const Options& options, std::uint64_t bytes_needed);

}  // namespace alphaprune
