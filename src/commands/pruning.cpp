#include "pruning.hpp"

#include <fmt/format.h>

#include <optional>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/phases/calibrated_phase.hpp"
#include "alphaprune/report/progress.hpp"
#include "model_source.hpp"
#include "output_names.hpp"
#include "row_keeper.hpp"

namespace alphaprune::commands {
namespace {

std::vector<pruning::PrunedTensor> prune(Job& job, const Inputs& inputs,
                                         std::span<const phases::PruneTarget> targets,
                                         const phases::RowSink& sink,
                                         const phases::EarlierTensors& earlier) {
    const bool magnitude = job.options.prune_method == cli::PruneMethod::magnitude;
    report::ProgressLine line("prune and write", magnitude ? "tensors" : "blocks",
                              job.ranks.is_root());
    const phases::Progress progress = [&](std::int64_t done, std::int64_t total) {
        line.update(done, total);
    };
    if (magnitude) {
        return phases::prune_by_magnitude(job.ranks, job.catalogue, targets, job.options.ties, sink,
                                          progress, earlier);
    }
    const auto method = job.options.prune_method == cli::PruneMethod::wanda
                            ? pruning::CalibratedMethod::wanda
                            : pruning::CalibratedMethod::sparsegpt;
    phases::CalibratedResult result =
        phases::prune_calibrated(job.ranks, inputs.nodes, job.catalogue, method, inputs.calibration,
                                 targets, sink, progress, earlier);
    job.report.notes.insert(job.report.notes.end(), result.notes.begin(), result.notes.end());
    return std::move(result.tensors);
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

/// The tensors that an earlier attempt has done. SparseGPT's bits hang on the number of ranks,
/// those of its tensors that are there hold all the same.
phases::EarlierTensors earlier_tensors(Job& job, PrunedFiles& files, RowKeeper& keeper) {
    phases::EarlierTensors earlier;
    earlier.journal = &*job.journal;
    earlier.make_durable = [&keeper] { keeper.make_durable(); };
    earlier.read = [&files](int tensor, parallel::RowRange rows, std::span<std::byte> out) {
        files.read_rows(tensor, rows, out);
    };
    earlier.kept = [&files](int tensor) { files.keep(tensor); };
    if (files.resumed()) {
        earlier.done = job.clock.measure(
            "check", [&] { return files.sound_tensors(job.journal->earlier().tensors); });
    }
    return earlier;
}

}  // namespace

void prune_and_write(Job& job, const Inputs& inputs, PrunedFiles& files,
                     std::span<const phases::PruneTarget> targets,
                     const phases::SpectrumResults* spectra) {
    RowKeeper keeper(files, *job.journal);
    const phases::EarlierTensors earlier = earlier_tensors(job, files, keeper);
    std::vector<pruning::PrunedTensor> tensors;
    try {
        tensors = job.clock.measure("prune", [&] {
            return prune(
                job, inputs, targets,
                [&](const resume::WrittenRows& rows, std::span<const std::byte> bytes) {
                    keeper.write(rows, bytes);
                },
                earlier);
        });
    } catch (const support::Error&) {
        keeper.save_what_can_be();
        throw;
    }
    parallel::together(job.ranks, [&] { keeper.make_durable(); });
    std::vector<checkpoint::TensorSummary> summaries;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        const int matrix = job.catalogue.tensors[t].matrix;
        const double ratio = matrix < 0 ? 0.0 : targets[static_cast<std::size_t>(matrix)].ratio;
        summaries.push_back({tensors[t].checksum, tensors[t].zeros, ratio});
    }
    job.clock.measure("write", [&] { files.finish(summaries, spectra); });
    for (std::size_t m = 0; m < targets.size(); ++m) {
        const auto tensor = static_cast<std::size_t>(job.catalogue.matrices[m].tensor);
        job.report.matrices[m].zeros = tensors[tensor].zeros;
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
