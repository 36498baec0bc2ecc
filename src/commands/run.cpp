#include <fmt/format.h>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "commands.hpp"
#include "dry_run.hpp"
#include "output_folder.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

constexpr std::uint64_t kReportBytes = 8U << 20;

constexpr double kBitsOfValue = 16;  // of most models

double stored_bytes_of_matrices(const model::Catalogue& catalogue) {
    double bytes = 0;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        bytes += catalogue.stored_bytes_of(matrix);
    }
    return bytes;
}

void describe_calibration(const Inputs& inputs) {
    const model::TokenSequences& sequences = inputs.calibration.sequences;
    if (sequences.count() > 0) {
        support::log_info(fmt::format(
            "calibration: {} sequences of {} tokens; {} per rank (weights {}, activations {}, "
            "statistics {})",
            sequences.count(), sequences.length, support::human_bytes(inputs.memory.total()),
            support::human_bytes(inputs.memory.weights),
            support::human_bytes(inputs.memory.activations),
            support::human_bytes(inputs.memory.statistics)));
    }
    if (const planning::CardMemory& card = inputs.memory.card; card.total() > 0) {
        support::log_info(fmt::format(
            "on each rank's graphics card {}: weights {}, hidden states {}, one sequence {}, "
            "statistics {}{}",
            support::human_bytes(card.total()), support::human_bytes(card.weights),
            support::human_bytes(card.states), support::human_bytes(card.scratch),
            support::human_bytes(card.statistics),
            card.spilled == 0
                ? ""
                : fmt::format("; the hidden states of all but {} sequences, {}, do not "
                              "fit and stay in the node's memory",
                              inputs.memory.states_on_card.value_or(0),
                              support::human_bytes(card.spilled))));
    }
}

checkpoint::Storage storage_of(const cli::Options& options) {
    return options.store_bitmask ? checkpoint::Storage::bitmask : checkpoint::Storage::dense;
}

/// Where the pruned model goes in the output folder.
phases::PrunedPaths pruned_paths(const cli::Options& options) {
    phases::PrunedPaths paths;
    paths.storage = storage_of(options);
    if (options.write_hdf5) {
        paths.checkpoint = options.output / kCheckpointName;
    }
    if (options.write_safetensors) {
        paths.folder = options.output / kFolderName;
        paths.metadata = {{"alphaprune_mpi", std::string(cli::program_version())},
                          {"prune_method", std::string(options.pruner->name)},
                          {"sparsity_type", sparsity_type(options)},
                          {"allocation", allocation_name(options)},
                          {"sparsity_ratio", fmt::format("{}", options.ratios.sparsity_ratio)}};
    }
    return paths;
}

phases::PrunedModel prune(const Job& job, const Inputs& inputs, phases::PrunedFiles& files,
                          const pruning::PrunerSettings& settings,
                          std::span<const pruning::PruneTarget> targets) {
    const pruning::Pruner& pruner = *job.options.pruner;
    report::ProgressLine line("prune and write",
                              pruning::needs_activations(pruner, settings) ? "blocks" : "tensors",
                              job.ranks.is_root());
    return phases::prune_model(
        job.ranks, inputs.nodes, job.catalogue,
        {.pruner = pruner,
         .settings = settings,
         .targets = targets,
         .calibration = inputs.calibration.sequences,
         .site_order = site_order(job.options),
         .turns = inputs.memory.turns,
         .mask = inputs.mask ? &*inputs.mask : nullptr,
         .forward = inputs.calibration_forward()},
        files, [&](std::int64_t done, std::int64_t total) { line.update(done, total); });
}

/// All that a run checks before it begins.
support::ExitStatus show_run(Job& job, const Inputs& inputs) {
    job.note(inputs.warnings);
    parallel::run_collectively(job.ranks,
                               [&] { return identity_of_run(job.options, job.catalogue, inputs); });
    check_ratios(job.ranks, job.options, job.catalogue);
    check_unpruned_tensors(job);
    return show_without_doing(job, output_size(job, job.options, inputs.calibration.sequences));
}

/// Prunes the model to its targets and writes it in the formats asked for, in one stream.
phases::PrunedModel prune_and_write(Job& job, const Inputs& inputs, phases::PrunedFiles& files,
                                    const Results& results) {
    const std::vector<pruning::PruneTarget>& targets = results.ratios->targets;
    const Spectra& spectra = results.spectra;
    if (files.resumed()) {
        job.clock.measure("check", [&] { files.take_over_earlier(); });
    }
    phases::PrunedModel pruned;
    inputs.nodes.clock().begin_phase();
    try {
        pruned = job.clock.measure(
            "prune", [&] { return prune(job, inputs, files, results.chosen.settings, targets); });
    } catch (const support::Error&) {
        files.save_what_can_be();
        throw;
    }
    keep_timeline(job, "prune", inputs.nodes.clock());
    parallel::run_collectively(job.ranks, [&] { files.make_durable(); });
    job.clock.measure("write", [&] {
        files.finish(pruned, targets, spectra.computed ? &*spectra.computed : nullptr,
                     spectra.metrics);
    });
    return pruned;
}

/// Those that an earlier run of the sweep has chosen, or chosen here. Collective.
ChosenSettings settings_for(Job& job, const Inputs& inputs, SharedResults* shared) {
    if (shared == nullptr || !job.options.leaves_settings_open()) {
        return choose_settings(job, inputs);
    }
    const std::pair key(job.options.pruner->name, job.options.ratios.sparsity_ratio);
    if (const auto known = shared->settings.find(key); known != shared->settings.end()) {
        support::log_info("settings: as an earlier run of the sweep has chosen them");
        // Trials are numbered in the journal, and another attempt may have to try these here.
        job.trials += static_cast<int>(known->second.trials.size());
        return known->second;
    }
    return shared->settings.emplace(key, choose_settings(job, inputs)).first->second;
}

/// Nothing where the allocation needs none. Collective.
std::vector<double> scores_for(Job& job, const Inputs& inputs, SharedResults* shared) {
    if (!job.options.allocation->needs_scores()) {
        return {};
    }
    if (shared == nullptr) {
        return measure_scores(job, inputs);
    }
    const std::string_view key = job.options.allocation->name;
    if (const auto known = shared->scores.find(key); known != shared->scores.end()) {
        support::log_info("scores: as an earlier run of the sweep has found them");
        return known->second;
    }
    return shared->scores.emplace(key, measure_scores(job, inputs)).first->second;
}

/// Spectra, settings, ratios, pruned blocks, perplexities.
Results prune_model(Job& job, const Inputs& inputs, SharedResults* shared) {
    describe_calibration(inputs);
    check_ratios(job.ranks, job.options, job.catalogue);
    if (shared == nullptr) {
        check_unpruned_tensors(job);
    }
    phases::PrunedFiles files(job.ranks, job.catalogue, pruned_paths(job.options), *job.journal);
    Results results;
    if (shared == nullptr) {
        results.spectra = find_metric(job);
    } else if (needs_metric(job.options)) {
        results.spectra = shared->spectra;
    }
    results.chosen = settings_for(job, inputs, shared);
    results.ratios = decide_ratios(job, inputs, results.chosen.settings, results.spectra,
                                   scores_for(job, inputs, shared));
    results.pruned = prune_and_write(job, inputs, files, results);
    results.perplexities =
        evaluate_before_and_after(job, inputs, shared == nullptr ? nullptr : &shared->dense);
    return results;
}

}  // namespace

std::uint64_t output_size(const Job& job, const cli::Options& options,
                          const model::TokenSequences& calibration) {
    const model::Catalogue& catalogue = job.catalogue;
    const std::uint64_t spectra = bytes_of_spectra(catalogue);
    const auto states = sizeof(float) * calibration.ids.size() *
                        static_cast<std::uint64_t>(catalogue.configuration.hidden_size);
    constexpr std::uint64_t kPerTensor = 4096;
    const std::uint64_t copies =
        (options.write_hdf5 ? 1U : 0U) + (options.write_safetensors ? 1U : 0U);
    // With masks what is left of matrices, and a bit for every value.
    const double left =
        options.store_bitmask ? 1 - options.ratios.sparsity_ratio + 1.0 / kBitsOfValue : 1.0;
    const double model =
        static_cast<double>(catalogue.bytes()) - (1 - left) * stored_bytes_of_matrices(catalogue);
    return copies * (static_cast<std::uint64_t>(model) + kPerTensor * catalogue.tensors.size()) +
           2 * spectra + 2 * states + kReportBytes;
}

void check_unpruned_tensors(Job& job) {
    if (job.catalogue.origin != model::WeightOrigin::synthetic) {
        job.clock.measure("weights", [&] {
            model::require_finite_tensors(job.ranks, job.catalogue,
                                          transformer::unpruned_forward_tensors(job.catalogue));
        });
    }
}

Spectra find_metric(Job& job) {
    if (!job.options.metric_cache.empty()) {
        return read_cached_metric(job);
    }
    return needs_metric(job.options) ? measure_spectra(job) : Spectra{};
}

void prune_job(Job& job, const Inputs& inputs, SharedResults* shared,
               const std::optional<report::EpsilonChoiceReport>& choice) {
    const resume::RunIdentity identity = parallel::run_collectively(
        job.ranks, [&] { return identity_of_run(job.options, job.catalogue, inputs); });
    const model::TokenSequences& calibration = inputs.calibration.sequences;
    if (open_output(job, identity, calibration.count(),
                    output_size(job, job.options, calibration))) {
        work_on(job, [&] {
            Results results = prune_model(job, inputs, shared);
            results.epsilon_choice = choice;
            finish_job(job, &inputs, results);
        });
    }
}

support::ExitStatus run(const parallel::Communicator& ranks, const cli::Options& options,
                        parallel::JobWatch& watch) {
    Job job = read_model(ranks, options, watch);
    parallel::run_collectively(ranks, [&] {
        model::require_weight_types(job.catalogue,
                                    transformer::unpruned_forward_tensors(job.catalogue),
                                    "tensors that the forward pass uses");
    });
    const Inputs inputs = job.clock.measure("inputs", [&] {
        return read_inputs(ranks, place_ranks(ranks, job.threads_per_rank), options, job.forward,
                           job.catalogue);
    });
    if (options.allocation->is_searched()) {
        parallel::run_collectively(ranks, [&] { check_search(inputs); });
    }
    if (options.dry_run) {
        return show_run(job, inputs);
    }
    job.note(inputs.warnings);
    prune_job(job, inputs);
    return support::ExitStatus::done;
}

support::ExitStatus analyze(const parallel::Communicator& ranks, const cli::Options& options,
                            parallel::JobWatch& watch) {
    Job job = read_model(ranks, options, watch);
    const std::uint64_t bytes_needed = bytes_of_spectra(job.catalogue) + kReportBytes;
    if (options.dry_run) {
        return show_without_doing(job, bytes_needed);
    }
    if (!open_output(job, identity_of_analysis(options, job.catalogue), 0, bytes_needed)) {
        return support::ExitStatus::done;
    }
    work_on(job, [&] { finish_job(job, nullptr, {measure_spectra(job)}); });
    return support::ExitStatus::done;
}

}  // namespace alphaprune::commands
