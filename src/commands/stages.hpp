#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"
#include "alphaprune/allocation/ratio_search.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/phases/pruned_files.hpp"
#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/report/run_report.hpp"
#include "alphaprune/transformer/perplexity.hpp"
#include "inputs.hpp"
#include "job.hpp"

namespace alphaprune::commands {

/// What the results of `analyze` depend on, and those of `run` if spectra are computed: the model
/// as it is and the options that affect the eigenvalues.
resume::RunIdentity identity_of_analysis(const cli::Options& options,
                                         const model::Catalogue& catalogue);

/// What the results of `run` depend on. Texts count by the tokens taken from them, other files by
/// their contents. The same on every rank. @throws Error for files that cannot be read
resume::RunIdentity identity_of_run(const cli::Options& options, const model::Catalogue& catalogue,
                                    const Inputs& inputs);

/// The different values that the ranks have. Collective.
std::vector<std::string> different_ones(const parallel::Communicator& ranks,
                                        const std::string& mine);

/// What the last bits of this process depend on.
resume::Provenance provenance_here();

/// Where ranks, or earlier attempts at the run, compute with another processor or BLAS or with
/// another build of the program, the last bits may depend on which of them computed what: a warning
/// for each difference. Collective.
std::vector<std::string> provenance_notes(const parallel::Communicator& ranks,
                                          const resume::Journal& journal);

// The stages of a run, in order. Each returns plain data, which the next ones take and from which
// the report is composed at the end. All of them are collective.

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

/// Settings of a pruner that were tried.
struct SettingsTrial {
    pruning::PrunerSettings settings;
    double perplexity = 0;  ///< on held-out calibration sequences
};

/// Settings as the options give them or, where they leave them to the program, as it chose them.
struct ChosenSettings {
    pruning::PrunerSettings settings;
    std::vector<SettingsTrial> trials = {};  ///< empty where nothing was left open
    std::vector<std::string> notes = {};
};
/// Collective.
ChosenSettings choose_settings(Job& job, const Inputs& inputs);

/// What is asked of every matrix.
struct Ratios {
    allocation::Allocation allocation;
    std::vector<pruning::PruneTarget> targets;        ///< one per matrix: ratio, and pattern if N:M
    std::vector<allocation::SearchStep> search = {};  ///< the candidates, where there was one
};
/// Whether the request needs a metric of every matrix.
bool needs_metric(const cli::Options& options);
/// "owl", "file:ratios.csv"
std::string allocation_name(const cli::Options& options);
/// "unstructured", "2:4", "mixed-N:8"
std::string sparsity_type(const cli::Options& options);
/// Refuses ratios that no metric could make possible, before any is computed. @throws Error
void check_ratios(const parallel::Communicator& ranks, const cli::Options& options,
                  const model::Catalogue& catalogue);
/// Refuses a search without sequences to hold out. @throws Error
void check_search(const Inputs& inputs);
/// The ratios with which the pruner does best on calibration sequences that are held out from its
/// statistics. Collective.
allocation::SearchResult search(Job& job, const Inputs& inputs,
                                const pruning::PrunerSettings& settings,
                                std::span<const allocation::SearchStart> starts);
/// What an allocation looks at, of each matrix.
/// @param spectra  without metrics: the sizes alone
std::vector<allocation::AllocationItem> allocation_items(const cli::Options& options,
                                                         const model::Catalogue& catalogue,
                                                         const Spectra& spectra);
/// The targets that ratios stand for, one of each per matrix.
std::vector<pruning::PruneTarget> targets_of(const cli::Options& options,
                                             const model::Catalogue& catalogue,
                                             std::span<const double> ratios);
/// As the option says.
phases::SiteOrder site_order(const cli::Options& options);
/// What the scores of the blocks tell an allocation that needs them, one for each block that is
/// pruned: it depends on the dense model and on the calibration text alone. Collective.
std::vector<double> measure_scores(Job& job, const Inputs& inputs);
/// Ratios from the allocation, patterns where N:M is asked for.
/// @param scores  where the allocation needs them
Ratios decide_ratios(Job& job, const Inputs& inputs, const pruning::PrunerSettings& settings,
                     const Spectra& spectra, const std::vector<double>& scores);

/// One per text, of the dense and of the pruned model.
struct Perplexities {
    std::vector<transformer::Perplexity> dense;
    std::vector<transformer::Perplexity> pruned;
    std::vector<std::string> notes;
};
/// Of the dense model on all texts.
std::vector<transformer::Perplexity> dense_perplexities(Job& job, const Inputs& inputs);
/// @param dense  where those of the dense model are known; nullptr: they are measured, too
Perplexities evaluate_before_and_after(Job& job, const Inputs& inputs,
                                       const std::vector<transformer::Perplexity>* dense);

/// What is computed once for all runs of a sweep, which begin from it.
struct SharedResults {
    Spectra spectra = {};
    std::vector<transformer::Perplexity> dense = {};  ///< one per text

    // What the first run that needs it finds, and leaves to those after it:
    std::map<std::string_view, std::vector<double>> scores = {};  ///< by allocation
    /// By pruner and sparsity ratio: they are tried with uniform ratios, whatever the allocation.
    std::map<std::pair<std::string_view, double>, ChosenSettings> settings = {};
};

/// What the stages of a job have made. `analyze` has spectra alone.
struct Results {
    Spectra spectra = {};
    ChosenSettings chosen = {};
    std::optional<Ratios> ratios = {};
    std::optional<phases::PrunedModel> pruned = {};
    Perplexities perplexities = {};
    std::optional<report::EpsilonChoiceReport> epsilon_choice = {};  ///< of a sweep
};

/// The metric that the ratios follow, from a file or from the spectra; nothing where they follow
/// none. Collective.
Spectra find_metric(Job& job);
/// The tensors that are not pruned, but used by whoever runs the model, are finite: before any
/// expensive work. Collective. @throws Error
void check_unpruned_tensors(Job& job);
/// Of the output of a run: the model in each format, spectra there and in the journal, hidden
/// states that are saved while older ones are still there, and room for the small files.
std::uint64_t output_size(const Job& job, const cli::Options& options,
                          const model::TokenSequences& calibration);

/// A run whose model and inputs have been read, from its open output to its report. Collective.
/// @param choice  how a sweep chose the epsilon of the run, for the report
/// @param shared  of the sweep that the run is a point of; nullptr: of none
void prune_job(Job& job, const Inputs& inputs, SharedResults* shared = nullptr,
               const std::optional<report::EpsilonChoiceReport>& choice = {});

/// Writes report.json, report.html, matrices.csv and metrics/, and tells the user where they are.
/// The run is then complete and its journal is removed. Collective.
void finish_job(const Job& job, const Inputs* inputs, const Results& results);

}  // namespace alphaprune::commands
