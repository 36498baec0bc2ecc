#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"
#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/pruning/magnitude.hpp"
#include "alphaprune/spectrum/metrics.hpp"
#include "alphaprune/support/log.hpp"

namespace alphaprune {

enum class Command { run, analyze, verify, help, version };

enum class AllocationKind { alphapruning, uniform, linear_depth, file };

/// The request, read and checked once, the same on every rank, and never changed after.
struct Options {
    Command command = Command::run;
    std::vector<std::string> command_line;

    std::filesystem::path model;
    std::filesystem::path output;
    bool overwrite = false;

    AllocationKind allocation = AllocationKind::alphapruning;
    std::filesystem::path allocation_file;
    Metric metric = Metric::alpha_peak;
    std::filesystem::path metric_cache;
    AllocationOptions ratios;

    std::string prune_method = "magnitude";
    Ties ties = Ties::exact;

    std::optional<Solver> solver;  ///< nothing: auto
    std::optional<int> group_ranks;

    LogLevel log_level = LogLevel::info;
    std::filesystem::path verify_target;  ///< `verify`: an output folder or a checkpoint file
};

/// The request as words and settings, before it is understood: from the command line, then the
/// --config file, then ALPHAPRUNE_… variables, the first that names an option winning. Dashes and
/// underscores between the words of an option are the same.
/// @throws Error (bad_request) with every fault found: unknown options, unreadable numbers, values
///         out of range, impossible combinations
Options parse_options(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment);

/// What --help prints.
std::string help_text();
/// "alphaprune_mpi 0.1.0 (commit)" and the libraries it stands on.
std::string version_text();

}  // namespace alphaprune
