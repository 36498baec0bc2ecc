#pragma once

#include <cstdint>
#include <filesystem>

#include "alphaprune/resume/journal.hpp"
#include "job.hpp"

namespace alphaprune::commands {

/// Opens the output folder of a sweep for so many bytes, with its journal and its log, or those of
/// the sweep to be resumed. With --overwrite the runs of a former sweep there are removed, as far
/// as they are proved to be such. Collective.
/// A complete sweep may be continued with other lists.
/// @return false when the sweep to be resumed is complete: nothing is left to do
/// @throws Error (bad_request)
bool open_sweep(Job& job, const resume::RunIdentity& identity, std::uint64_t bytes_needed);

/// What an earlier sweep has left in an output folder. For rank 0.
EarlierRun earlier_sweep_in(const std::filesystem::path& output);

/// The log goes to that of the sweep again, after a run of it. Collective.
void continue_sweep_log(const Job& job);

}  // namespace alphaprune::commands
