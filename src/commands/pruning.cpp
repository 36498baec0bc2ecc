#include <optional>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/phases/calibrated_phase.hpp"
#include "alphaprune/report/progress.hpp"
#include "row_keeper.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

PrunedModel prune(const Job& job, const Inputs& inputs,
                  std::span<const phases::PruneTarget> targets, const phases::RowSink& sink,
                  const phases::EarlierTensors& earlier) {
    const bool magnitude = job.options.prune_method == cli::PruneMethod::magnitude;
    report::ProgressLine line("prune and write", magnitude ? "tensors" : "blocks",
                              job.ranks.is_root());
    const phases::Progress progress = [&](std::int64_t done, std::int64_t total) {
        line.update(done, total);
    };
    if (magnitude) {
        return {phases::prune_by_magnitude(job.ranks, job.catalogue, targets, job.options.ties,
                                           sink, progress, earlier),
                {}};
    }
    const auto method = job.options.prune_method == cli::PruneMethod::wanda
                            ? pruning::CalibratedMethod::wanda
                            : pruning::CalibratedMethod::sparsegpt;
    phases::CalibratedResult result =
        phases::prune_calibrated(job.ranks, inputs.nodes, job.catalogue, method, inputs.calibration,
                                 targets, sink, progress, earlier);
    return {std::move(result.tensors), std::move(result.notes)};
}

/// The tensors that an earlier attempt has done. The bits of SparseGPT depend on the
/// number of ranks; tensors of it that are there are kept all the same.
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

PrunedModel prune_and_write(Job& job, const Inputs& inputs, PrunedFiles& files,
                            std::span<const phases::PruneTarget> targets, const Spectra& spectra) {
    RowKeeper keeper(files, *job.journal);
    const phases::EarlierTensors earlier = earlier_tensors(job, files, keeper);
    PrunedModel pruned;
    try {
        pruned = job.clock.measure("prune", [&] {
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
    for (std::size_t t = 0; t < pruned.tensors.size(); ++t) {
        const int matrix = job.catalogue.tensors[t].matrix;
        const double ratio = matrix < 0 ? 0.0 : targets[static_cast<std::size_t>(matrix)].ratio;
        summaries.push_back({pruned.tensors[t].checksum, pruned.tensors[t].zeros, ratio});
    }
    job.clock.measure("write", [&] { files.finish(summaries, spectra); });
    return pruned;
}

}  // namespace alphaprune::commands
