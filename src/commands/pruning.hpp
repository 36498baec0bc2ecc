#pragma once

#include <span>

#include "alphaprune/phases/pruned_files.hpp"
#include "inputs.hpp"
#include "job.hpp"

namespace alphaprune::commands {

/// Where the pruned model goes in the output folder.
phases::PrunedPaths pruned_paths(const cli::Options& options);

/// Prunes the model to its targets and writes it in the formats asked for, everything in one
/// stream. Collective.
/// @param spectra  null when none was computed
void prune_and_write(Job& job, const Inputs& inputs, phases::PrunedFiles& files,
                     std::span<const pruning::PruneTarget> targets,
                     const phases::SpectrumResults* spectra);

/// Perplexity of the dense and of the pruned model on each text. Collective.
void evaluate_before_and_after(Job& job, const Inputs& inputs);

}  // namespace alphaprune::commands
