#pragma once

#include <filesystem>
#include <optional>

namespace alphaprune::commands {

/// What the report and the journal in a folder prove of it.
struct RunProof {
    bool of_run = false;            ///< a run of this program has written here
    bool wrote_checkpoint = false;  ///< checkpoint.h5
    bool wrote_folder = false;      ///< hf
};

// All of these: @throws Error (failure) where the file system does not say.

RunProof proof_of_run_in(const std::filesystem::path& output);

/// The report of a run of any version of the program: report.json itself, or its partial name,
/// which a removal that was broken off leaves.
std::optional<std::filesystem::path> own_report_in(const std::filesystem::path& output);

/// Whether the file says that this program has written it. A link does not count.
bool is_our_checkpoint(const std::filesystem::path& file);
bool is_our_log(const std::filesystem::path& file);

/// Whether the folder is empty or an export of this program: safetensors that say so in their
/// metadata, and no folders.
/// @param may_be_begun  shards that are still empty count, too
bool is_export(const std::filesystem::path& folder, bool may_be_begun = false);

}  // namespace alphaprune::commands
