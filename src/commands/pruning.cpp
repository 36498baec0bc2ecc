#include <fmt/format.h>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"
#include "output_folder.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

phases::PrunedModel prune(const Job& job, const Inputs& inputs, phases::PrunedFiles& files,
                          std::span<const pruning::PruneTarget> targets) {
    const pruning::Pruner& pruner = *job.options.pruner;
    report::ProgressLine line("prune and write", pruner.needs_activations() ? "blocks" : "tensors",
                              job.ranks.is_root());
    return phases::prune_model(
        job.ranks, inputs.nodes, job.catalogue,
        {pruner, {job.options.ties, job.options.method_values}, targets, inputs.calibration}, files,
        [&](std::int64_t done, std::int64_t total) { line.update(done, total); });
}

}  // namespace

phases::PrunedPaths pruned_paths(const cli::Options& options) {
    phases::PrunedPaths paths;
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

phases::PrunedModel prune_and_write(Job& job, const Inputs& inputs, phases::PrunedFiles& files,
                                    std::span<const pruning::PruneTarget> targets,
                                    const Spectra& spectra) {
    if (files.resumed()) {
        job.clock.measure("check", [&] { files.take_over_earlier(); });
    }
    phases::PrunedModel pruned;
    try {
        pruned = job.clock.measure("prune", [&] { return prune(job, inputs, files, targets); });
    } catch (const support::Error&) {
        files.save_what_can_be();
        throw;
    }
    parallel::run_collectively(job.ranks, [&] { files.make_durable(); });
    job.clock.measure("write", [&] {
        files.finish(pruned, targets, spectra.computed ? &*spectra.computed : nullptr,
                     spectra.metrics);
    });
    return pruned;
}

}  // namespace alphaprune::commands
