#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"
#include "alphaprune/model/row_source.hpp"
#include "alphaprune/phases/pruned_files.hpp"
#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/transformer/perplexity.hpp"
#include "inputs.hpp"
#include "job.hpp"

namespace alphaprune::commands {

// The stages of a run, in order. Each returns plain data, which the next ones take and from which
// the report is composed at the end (job_report.hpp). All of them are collective.

/// What is known of the spectra of the prunable matrices.
struct Spectra {
    /// One per matrix, the same on every rank; empty when the ratios need none.
    std::vector<spectrum::ShapeMetrics> metrics;
    /// Nothing when the metric came from a file or is not needed.
    std::optional<phases::SpectrumResults> computed;
    std::optional<phases::FarmsResults> farms;  ///< when alpha_peak_farms was computed
    std::optional<int> threads_per_rank;        ///< that computed spectra; nothing: none was left
    std::vector<std::string> notes;
};
/// Computes the spectra of all prunable matrices, and what else the metric needs.
Spectra measure_spectra(Job& job);
/// The chosen metric of every matrix from the file of --metric-cache.
Spectra read_cached_metric(const Job& job);

/// What is asked of every matrix.
struct Ratios {
    allocation::Allocation allocation;
    std::vector<pruning::PruneTarget> targets;  ///< one per matrix: ratio, and pattern if N:M
};
/// Whether the request needs a metric of every matrix.
bool needs_metric(const cli::Options& options);
/// "owl", "file:ratios.csv"
std::string allocation_name(const cli::Options& options);
/// "unstructured", "2:4", "mixed-N:8"
std::string sparsity_type(const cli::Options& options);
/// Refuses ratios that no metric could make possible, before any is computed. @throws Error
void check_ratios(const Job& job);
/// Ratios from the allocation, patterns where N:M is asked for.
Ratios decide_ratios(Job& job, const Inputs& inputs, const Spectra& spectra);

/// Where the pruned model goes in the output folder.
phases::PrunedPaths pruned_paths(const cli::Options& options);
/// Prunes the model to its targets and writes it in the formats asked for, in one stream.
phases::PrunedModel prune_and_write(Job& job, const Inputs& inputs, phases::PrunedFiles& files,
                                    std::span<const pruning::PruneTarget> targets,
                                    const Spectra& spectra);

/// One per text, of the dense and of the pruned model.
struct Perplexities {
    std::vector<transformer::Perplexity> dense;
    std::vector<transformer::Perplexity> pruned;
    std::vector<std::string> notes;
};
Perplexities evaluate_before_and_after(Job& job, const Inputs& inputs);
/// Perplexity on a text, with a progress line.
/// @param what  "of the dense model", for that line
transformer::Perplexity evaluate_text(const parallel::Communicator& ranks,
                                      const model::Catalogue& catalogue,
                                      const model::RowSource& source, const EvaluationText& text,
                                      const std::string& what);

}  // namespace alphaprune::commands
