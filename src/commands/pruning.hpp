#pragma once

#include <vector>

#include "alphaprune/phases/prune_phase.hpp"
#include "inputs.hpp"
#include "job.hpp"
#include "pruned_files.hpp"

namespace alphaprune::commands {

/// Prunes the model to its targets and writes it in the formats asked for, everything in one
/// stream. Collective.
/// @param spectra  null when none was computed
void prune_and_write(Job& job, const Inputs& inputs, PrunedFiles& files,
                     std::span<const phases::PruneTarget> targets,
                     const phases::SpectrumResults* spectra);

/// Perplexity of the dense and of the pruned model on each text. Collective.
void evaluate_before_and_after(Job& job, const Inputs& inputs);

}  // namespace alphaprune::commands
