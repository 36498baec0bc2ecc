#pragma once

#include <cstdint>
#include <filesystem>

#include "alphaprune/cli/options.hpp"

namespace alphaprune::commands {

/// What an earlier run has left in an output folder.
enum class EarlierRun { none, unfinished, complete };
EarlierRun earlier_run_in(const std::filesystem::path& output);

/// The file that asks the run in this folder to stop when somebody makes it.
std::filesystem::path stop_file_in(const std::filesystem::path& output);

/// Makes the output folder ready, on rank 0, before any work: it must not exist (or `--overwrite`:
/// then what is proved to be a former run's is removed, and nothing else), must be writable, must
/// hold nothing else under the names that the run writes, and its file system must have room.
/// @param model  the model's folder, which must not be the output
/// @throws Error (bad_request)
void prepare_output_folder(const cli::Options& options, const std::filesystem::path& model,
                           std::uint64_t bytes_needed);

/// Makes the folder of an unfinished run ready to be gone on with, on rank 0.
/// @throws Error (bad_request)
void reopen_output_folder(const cli::Options& options, std::uint64_t bytes_needed);

/// Removes what a run has made that has not come to any result, and its journal.
void discard_unfinished_run(const cli::Options& options);

/// The same as prepare_output_folder for `export`, whose output is the Hugging Face folder itself:
/// it must not exist, or with `--overwrite` be such an export, which is then removed.
/// @throws Error (bad_request)
void prepare_export_folder(const cli::Options& options, const std::filesystem::path& model,
                           std::uint64_t bytes_needed);

}  // namespace alphaprune::commands
