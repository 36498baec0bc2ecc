#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/report/run_report.hpp"

namespace alphaprune::commands {

// Names of files and folders in the output. (resume::Journal knows its own.)
inline constexpr std::string_view kReportName = "report.json";
inline constexpr std::string_view kReportHtmlName = "report.html";
inline constexpr std::string_view kMatricesName = "matrices.csv";
inline constexpr std::string_view kCheckpointName = "checkpoint.h5";
inline constexpr std::string_view kMetricsName = "metrics";
inline constexpr std::string_view kFolderName = "hf";
inline constexpr std::string_view kLogName = "run.log";
inline constexpr std::string_view kStopName = "stop";  ///< made by who wants the run to stop

/// Of a sweep; the last is complete when it is there.
inline constexpr std::string_view kSweepName = "sweep.json";
inline constexpr std::array kSweepNames{std::string_view("sweep.csv"),
                                        std::string_view("sweep.tex"),
                                        std::string_view("sweep.html"), kSweepName};

/// Those of a finished run.
inline constexpr std::array kResultNames{kReportName,     kReportHtmlName, kMatricesName,
                                         kCheckpointName, kMetricsName,    kFolderName};

/// What an earlier run has left in an output folder.
enum class EarlierRun { none, unfinished, complete };
EarlierRun earlier_run_in(const std::filesystem::path& output);

/// The report in an output folder. Collective. @throws Error
report::RunReport report_in(const parallel::Communicator& ranks,
                            const std::filesystem::path& folder);
/// The same, or nothing when there is no report that can be read. Collective.
std::optional<report::RunReport> former_report(const parallel::Communicator& ranks,
                                               const std::filesystem::path& folder);

/// Prepares the output folder, on rank 0, before any work: it must not exist (with `--overwrite`,
/// what is proved to belong to a former run is removed, and nothing else), must be writable, must
/// hold nothing else under the names that the run writes, and its file system must have room.
/// @param model  the model's folder, which must not be the output
/// @throws Error (bad_request)
void prepare_output_folder(const cli::Options& options, const std::filesystem::path& model,
                           std::uint64_t bytes_needed);

/// Whether prepare_output_folder or reopen_output_folder would find something wrong, on rank 0:
/// nothing is made or removed. A complete run that would be resumed is in order.
/// @throws Error (bad_request)
void check_output_folder(const cli::Options& options, const std::filesystem::path& model,
                         std::uint64_t bytes_needed);

/// Prepares the folder of an unfinished run for its continuation, on rank 0.
/// @throws Error (bad_request)
void reopen_output_folder(const cli::Options& options, std::uint64_t bytes_needed);

/// Removes what a run without any result has made, and its journal.
void discard_unfinished_run(const cli::Options& options);

/// The same as prepare_output_folder for `export`, whose output is the Hugging Face folder itself:
/// it must not exist, or with `--overwrite` be such an export, which is then removed.
/// @throws Error (bad_request)
void prepare_export_folder(const cli::Options& options, const std::filesystem::path& model,
                           std::uint64_t bytes_needed);

}  // namespace alphaprune::commands
