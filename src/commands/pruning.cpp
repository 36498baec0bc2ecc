#include "pruning.hpp"

#include <fmt/format.h>

#include <optional>

#include "alphaprune/cli/version.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"
#include "model_source.hpp"
#include "output_names.hpp"
#include "ratios.hpp"

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

/// What an earlier attempt has measured on a text.
std::optional<transformer::Perplexity> known_perplexity(const Job& job, bool pruned,
                                                        std::size_t text) {
    for (const resume::KnownPerplexity& known : job.journal->earlier().perplexities) {
        if (known.pruned == pruned && known.text == static_cast<std::int64_t>(text)) {
            return transformer::Perplexity{known.value, known.seqlen, known.windows};
        }
    }
    return std::nullopt;
}

/// Perplexities on all texts, each recorded as it comes. Collective.
std::vector<transformer::Perplexity> evaluated(Job& job, const Inputs& inputs,
                                               const model::Catalogue& catalogue, bool pruned) {
    const model::RowSource source =
        parallel::together(job.ranks, [&] { return open_source(catalogue); });
    std::vector<transformer::Perplexity> results;
    for (std::size_t t = 0; t < inputs.evaluations.size(); ++t) {
        if (const auto known = known_perplexity(job, pruned, t)) {
            results.push_back(*known);
            continue;
        }
        const transformer::Perplexity found =
            evaluate_text(job.ranks, catalogue, source, inputs.evaluations[t],
                          pruned ? "of the pruned model" : "of the dense model");
        parallel::together(job.ranks, [&] {
            if (job.ranks.is_root()) {
                job.journal->add_perplexity({pruned, static_cast<std::int64_t>(t), found.value,
                                             found.seqlen, found.windows});
            }
        });
        results.push_back(found);
    }
    return results;
}

void note_no_number(report::RunReport& report, const transformer::Perplexity& perplexity,
                    std::string_view which, const std::string& text) {
    if (!perplexity.is_number()) {
        report.notes.push_back(
            fmt::format("the perplexity of the {} model on {} is not a number (null in "
                        "report.json): activations or losses are NaN or too large",
                        which, text));
    }
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

void prune_and_write(Job& job, const Inputs& inputs, phases::PrunedFiles& files,
                     std::span<const pruning::PruneTarget> targets,
                     const phases::SpectrumResults* spectra) {
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
    job.report.notes.insert(job.report.notes.end(), pruned.notes.begin(), pruned.notes.end());
    parallel::together(job.ranks, [&] { files.make_durable(); });
    std::vector<spectrum::ShapeMetrics> metrics;
    for (const report::MatrixReport& matrix : job.report.matrices) {
        metrics.push_back(matrix.metrics);
    }
    job.clock.measure("write", [&] { files.finish(pruned, targets, spectra, metrics); });
    for (std::size_t m = 0; m < targets.size(); ++m) {
        const auto tensor = static_cast<std::size_t>(job.catalogue.matrices[m].tensor);
        job.report.matrices[m].zeros = pruned.tensors[tensor].zeros;
    }
}

void evaluate_before_and_after(Job& job, const Inputs& inputs) {
    if (inputs.evaluations.empty()) {
        return;
    }
    job.clock.measure("evaluate", [&] {
        const std::vector<transformer::Perplexity> dense =
            evaluated(job, inputs, job.catalogue, false);
        const std::vector<transformer::Perplexity> pruned = evaluated(
            job, inputs,
            load_catalogue(job.ranks, job.options.output /
                                          (job.options.write_hdf5 ? kCheckpointName : kFolderName)),
            true);
        for (std::size_t t = 0; t < dense.size(); ++t) {
            const std::string text = inputs.evaluations[t].file.string();
            job.report.perplexities.push_back(
                {text, dense[t].seqlen, dense[t].windows, dense[t].value, pruned[t].value});
            note_no_number(job.report, dense[t], "dense", text);
            note_no_number(job.report, pruned[t], "pruned", text);
        }
    });
}

}  // namespace alphaprune::commands
