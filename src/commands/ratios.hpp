#pragma once

#include <span>
#include <vector>

#include "alphaprune/pruning/pruners.hpp"
#include "inputs.hpp"
#include "job.hpp"

namespace alphaprune::commands {

/// "owl", "file:ratios.csv"
std::string allocation_name(const cli::Options& options);
/// "unstructured", "2:4", "mixed-N:8"
std::string sparsity_type(const cli::Options& options);

/// Whether the request needs a metric of every matrix.
bool needs_metric(const cli::Options& options);

/// Refuses what no metric could make possible, before any is computed. Collective. @throws Error
void check_ratios(const Job& job);

/// The chosen metric of every matrix from the user's file instead of from spectra. Collective.
void take_metric_from_cache(Job& job);

/// What is asked of every matrix: ratios from the allocation, patterns where N:M is asked for. The
/// report learns of both. Collective (an allocation may look at activations).
std::vector<pruning::PruneTarget> decide_targets(Job& job, const Inputs& inputs);

}  // namespace alphaprune::commands
