#pragma once

#include "alphaprune/commands/options.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/job_watch.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune {

/// Spectra → metrics → ratios → pruning → checkpoint → report. Collective, as all commands are.
/// @param watch  of the job's ranks
ExitStatus run(const Communicator& ranks, const Options& options, JobWatch& watch);

/// Spectra and metrics only; no weight is changed and no checkpoint written.
ExitStatus analyze(const Communicator& ranks, const Options& options, JobWatch& watch);

/// What a run would take on a cluster, from the model's headers; or, for a finished run, how that
/// compares with what it took. Prints tables to standard output.
ExitStatus plan(const Communicator& ranks, const Options& options);

/// Re-reads a run's checkpoint and checks it against its report.
ExitStatus verify(const Communicator& ranks, const Options& options);

/// Perplexity of a model folder or a checkpoint, the last line of standard output.
ExitStatus evaluate(const Communicator& ranks, const Options& options);

/// A Hugging Face folder from a checkpoint (or from another model folder).
ExitStatus export_model(const Communicator& ranks, const Options& options);

}  // namespace alphaprune
