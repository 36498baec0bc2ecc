#include <fmt/format.h>

#include <optional>

#include "alphaprune/commands/commands.hpp"
#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/model/weight_types.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/transformer/forward_tensors.hpp"
#include "inputs.hpp"
#include "job.hpp"
#include "pruning.hpp"
#include "ratios.hpp"
#include "run_identity.hpp"

namespace alphaprune::commands {
namespace {

/// The model in each format, spectra there and in the journal, hidden states that are saved while
/// older ones are still there, and room for the small files.
std::uint64_t output_size(const Job& job, const model::TokenSequences& calibration) {
    const model::Catalogue& catalogue = job.catalogue;
    const std::uint64_t spectra = bytes_of_spectra(catalogue);
    const auto states = sizeof(float) * calibration.ids.size() *
                        static_cast<std::uint64_t>(catalogue.configuration.hidden_size);
    constexpr std::uint64_t kPerTensor = 4096;
    constexpr std::uint64_t kReports = 8U << 20;
    const std::uint64_t copies =
        (job.options.write_hdf5 ? 1U : 0U) + (job.options.write_safetensors ? 1U : 0U);
    return copies * (catalogue.bytes() + kPerTensor * catalogue.tensors.size()) + 2 * spectra +
           2 * states + kReports;
}

void describe_calibration(Job& job, const Inputs& inputs) {
    const model::TokenSequences& sequences = inputs.calibration;
    if (sequences.count() == 0) {
        return;
    }
    job.report.calibration = {job.options.calibration.string(), sequences.length, sequences.count(),
                              job.options.seed};
    support::log_info(fmt::format(
        "calibration: {} sequences of {} tokens; {} a rank (weights {}, "
        "activations {}, statistics {})",
        sequences.count(), sequences.length, support::human_bytes(inputs.memory.total()),
        support::human_bytes(inputs.memory.weights),
        support::human_bytes(inputs.memory.activations),
        support::human_bytes(inputs.memory.statistics)));
}

/// The tensors that are not pruned, but used by whoever runs the model: before any expensive work.
void check_unpruned_tensors(Job& job) {
    if (job.catalogue.origin != model::WeightOrigin::synthetic) {
        job.clock.measure("weights", [&] {
            model::require_finite_tensors(job.ranks, job.catalogue,
                                          transformer::unpruned_forward_tensors(job.catalogue));
        });
    }
}

/// From the spectra to the report.
void prune_model(Job& job, const Inputs& inputs) {
    job.report.prune_method = job.options.pruner->name;
    describe_calibration(job, inputs);
    check_ratios(job);
    check_unpruned_tensors(job);
    phases::PrunedFiles files(job.ranks, job.catalogue, pruned_paths(job.options), *job.journal);
    std::optional<phases::SpectrumResults> spectra;
    if (!job.options.metric_cache.empty()) {
        take_metric_from_cache(job);
    } else if (needs_metric(job.options)) {
        spectra = measure_spectra(job);
    }
    const std::vector<pruning::PruneTarget> targets = decide_targets(job, inputs);
    prune_and_write(job, inputs, files, targets, spectra ? &*spectra : nullptr);
    evaluate_before_and_after(job, inputs);
    finish_job(job, spectra ? &*spectra : nullptr);
}

}  // namespace

support::ExitStatus run(const parallel::Communicator& ranks, const cli::Options& options,
                        parallel::JobWatch& watch) {
    Job job = read_model(ranks, options, watch);
    parallel::together(ranks, [&] {
        model::require_weight_types(job.catalogue,
                                    transformer::unpruned_forward_tensors(job.catalogue),
                                    "tensors that the forward pass uses");
    });
    const Inputs inputs =
        job.clock.measure("inputs", [&] { return read_inputs(ranks, options, job.catalogue); });
    job.note_said(inputs.warnings);
    const resume::RunIdentity identity =
        parallel::together(ranks, [&] { return identity_of_run(options, job.catalogue, inputs); });
    if (!open_output(job, identity, inputs.calibration.count(),
                     output_size(job, inputs.calibration))) {
        return support::ExitStatus::done;
    }
    work_on(job, [&] { prune_model(job, inputs); });
    return support::ExitStatus::done;
}

}  // namespace alphaprune::commands
