#pragma once

#include <string_view>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/job_watch.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::commands {

/// Spectra, ratios, pruned blocks, checkpoint, report. Collective, as all commands are.
/// @param watch  of the job's ranks
support::ExitStatus run(const parallel::Communicator& ranks, const cli::Options& options,
                        parallel::JobWatch& watch);

/// Spectra and metrics only; no weight is changed and no checkpoint is written.
support::ExitStatus analyze(const parallel::Communicator& ranks, const cli::Options& options,
                            parallel::JobWatch& watch);

/// A run for each point of a sweep, from spectra and dense perplexities that are computed once,
/// each in a folder of its own, and their comparison.
support::ExitStatus sweep(const parallel::Communicator& ranks, const cli::Options& options,
                          parallel::JobWatch& watch);

/// The comparison of finished runs and sweeps: tables and curves in the output folder.
support::ExitStatus compare_runs_in(const parallel::Communicator& ranks,
                                    const cli::Options& options);

/// What a run would take on a cluster, from the model's headers; or, for a finished run, how that
/// compares with what it took. Prints tables to standard output.
support::ExitStatus plan(const parallel::Communicator& ranks, const cli::Options& options);

/// Re-reads a run's checkpoint and checks it against its report.
support::ExitStatus verify(const parallel::Communicator& ranks, const cli::Options& options);

/// Accuracy on multiple-choice tasks and perplexity on texts of a model folder or a checkpoint; the
/// last of them is the last line of standard output.
support::ExitStatus evaluate(const parallel::Communicator& ranks, const cli::Options& options);

/// A Hugging Face folder from a checkpoint (or from another model folder).
support::ExitStatus export_model(const parallel::Communicator& ranks, const cli::Options& options);

/// Rank 0 prints what the command was asked for; if it cannot, every rank throws. Collective.
void print_result(const parallel::Communicator& ranks, std::string_view text);

}  // namespace alphaprune::commands
