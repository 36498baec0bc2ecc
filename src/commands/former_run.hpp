#pragma once

#include <filesystem>
#include <vector>

#include "alphaprune/cli/options.hpp"

namespace alphaprune::commands {

/// What goes, in an output folder, by a name that this program uses there.
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

/// Removes what is ours. Killed in the middle, it leaves a folder that another try recognizes, and
/// that does not pass for a finished run. @throws Error
void remove_former_run(const FormerRun& former, const std::filesystem::path& output);

}  // namespace alphaprune::commands
