#pragma once

#include <cstdint>
#include <filesystem>

namespace alphaprune::checkpoint {

// Entries of the output folder, examined without following symbolic links.

/// A regular file.
bool is_plain_file(const std::filesystem::path& path);
/// A folder.
bool is_plain_folder(const std::filesystem::path& path);

/// Cuts the file, or extends it by a hole that takes no space. @throws Error
void set_size(const std::filesystem::path& file, std::uint64_t bytes);

/// Makes the names in a folder durable, where the file system can.
void sync_names(const std::filesystem::path& folder);

}  // namespace alphaprune::checkpoint
