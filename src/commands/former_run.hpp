#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "alphaprune/cli/options.hpp"

namespace alphaprune::commands {

/// What has, in an output folder, a name that this program uses there.
struct FormerRun {
    /// Proved to be of a run of this program, by the report or the journal beside it or by what is
    /// written in it: this may be removed.
    std::vector<std::filesystem::path> ours;
    /// The rest. A run must neither remove nor overwrite it.
    std::vector<std::filesystem::path> foreign;
};

/// @throws Error (failure) where the file system does not say
FormerRun former_run_in(const std::filesystem::path& output);

/// Those of them that a run with these options would write over.
std::vector<std::filesystem::path> in_the_way(const FormerRun& former, const cli::Options& options);

/// Removes what is ours. Killed in the middle, it leaves a folder that another attempt recognizes,
/// and that does not pass for a finished run. @throws Error
void remove_former_run(const FormerRun& former, const std::filesystem::path& output);

/// What the report and the journal in a folder prove of it.
struct RunProof {
    bool of_run = false;            ///< a run of this program has written here
    bool of_sweep = false;          ///< a sweep has
    bool wrote_checkpoint = false;  ///< checkpoint.h5
    bool wrote_folder = false;      ///< hf
};

// All of these: @throws Error (failure) where the file system does not say.

RunProof proof_of_run_in(const std::filesystem::path& output);

/// The report of a run of any version of the program: report.json itself, or its partial name,
/// which an interrupted removal leaves.
std::optional<std::filesystem::path> own_report_in(const std::filesystem::path& output);

/// Whether the file says that this program has written it. A link does not count.
bool is_our_checkpoint(const std::filesystem::path& file);
bool is_our_log(const std::filesystem::path& file);

/// Whether the folder is empty or an export of this program: safetensors that say so in their
/// metadata, and no folders.
/// @param may_be_begun  shards that are still empty count, too
bool is_export(const std::filesystem::path& folder, bool may_be_begun = false);

}  // namespace alphaprune::commands
