#include "pruning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "alphaprune/checkpoint/checkpoint_writer.hpp"
#include "alphaprune/checkpoint/export.hpp"
#include "alphaprune/commands/version.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"
#include "alphaprune/schedule/calibrated_phase.hpp"
#include "model_source.hpp"

namespace alphaprune {
namespace {

/// The files a pruned model goes to.
class Writers {
  public:
    explicit Writers(const Job& job) {
        if (job.options.write_hdf5) {
            checkpoint_.emplace(job.ranks, job.catalogue, job.options.output / "checkpoint.h5");
        }
        if (job.options.write_safetensors) {
            folder_.emplace(job.ranks, job.catalogue, job.options.output / "hf", metadata(job));
        }
    }

    void write_rows(int tensor, RowRange rows, std::span<const std::byte> bytes) {
        if (checkpoint_) {
            checkpoint_->write_rows(tensor, rows, bytes);
        }
        if (folder_) {
            folder_->write_rows(tensor, rows, bytes);
        }
    }

    void finish(const Job& job, std::span<const TensorSummary> summaries,
                const SpectrumResults* spectra) {
        if (checkpoint_) {
            if (spectra != nullptr) {
                write_measurements(job, *spectra);
            }
            checkpoint_->finish(summaries);
        }
        if (folder_) {
            folder_->finish();
        }
    }

  private:
    static std::vector<std::pair<std::string, std::string>> metadata(const Job& job) {
        const RunReport& report = job.report;
        return {{"alphaprune_mpi", std::string(program_version())},
                {"prune_method", report.prune_method},
                {"sparsity_type", report.sparsity_type},
                {"allocation", report.allocation ? report.allocation->name : ""},
                {"sparsity_ratio", fmt::format("{}", job.options.ratios.sparsity_ratio)}};
    }

    void write_measurements(const Job& job, const SpectrumResults& spectra) {
        checkpoint_->write_spectra(spectra.eigenvalues);
        for (std::size_t metric = 0; metric < kMetrics; ++metric) {
            std::vector<double> values;
            for (const MatrixReport& matrix : job.report.matrices) {
                values.push_back(matrix.metrics.values[metric]);
            }
            if (!std::ranges::all_of(values, [](double value) { return std::isnan(value); })) {
                checkpoint_->write_metric(static_cast<Metric>(metric), values);
            }
        }
    }

    std::optional<CheckpointWriter> checkpoint_;
    std::optional<HuggingFaceWriter> folder_;
};

std::vector<PrunedTensor> prune(Job& job, const Inputs& inputs,
                                std::span<const PruneTarget> targets, const RowSink& sink) {
    const bool magnitude = job.options.prune_method == PruneMethod::magnitude;
    ProgressLine line("prune and write", magnitude ? "tensors" : "blocks", job.ranks.is_root());
    const Progress progress = [&](std::int64_t done, std::int64_t total) {
        line.update(done, total);
    };
    if (magnitude) {
        return prune_by_magnitude(job.ranks, job.catalogue, targets, job.options.ties, sink,
                                  progress);
    }
    const auto method = job.options.prune_method == PruneMethod::wanda
                            ? CalibratedMethod::wanda
                            : CalibratedMethod::sparsegpt;
    CalibratedResult result = prune_calibrated(job.ranks, inputs.nodes, job.catalogue, method,
                                               inputs.calibration, targets, sink, progress);
    job.report.notes.insert(job.report.notes.end(), result.notes.begin(), result.notes.end());
    return std::move(result.tensors);
}

}  // namespace

void prune_and_write(Job& job, const Inputs& inputs, std::span<const PruneTarget> targets,
                     const SpectrumResults* spectra) {
    Writers writers(job);
    const std::vector<PrunedTensor> tensors = job.clock.measure("prune", [&] {
        return prune(job, inputs, targets,
                     [&](int tensor, RowRange rows, std::span<const std::byte> bytes) {
                         writers.write_rows(tensor, rows, bytes);
                     });
    });
    std::vector<TensorSummary> summaries;
    for (std::size_t t = 0; t < tensors.size(); ++t) {
        const int matrix = job.catalogue.tensors[t].matrix;
        const double ratio = matrix < 0 ? 0.0 : targets[static_cast<std::size_t>(matrix)].ratio;
        summaries.push_back({tensors[t].checksum, tensors[t].zeros, ratio});
    }
    job.clock.measure("write", [&] { writers.finish(job, summaries, spectra); });
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
        const auto of_model = [&](const Catalogue& catalogue, const std::string& what) {
            const RowSource source = together(job.ranks, [&] { return open_source(catalogue); });
            return evaluate_texts(job.ranks, catalogue, source, inputs.evaluations, what);
        };
        const auto dense = of_model(job.catalogue, "of the dense model");
        const auto pruned = of_model(
            load_catalogue(job.ranks,
                           job.options.output / (job.options.write_hdf5 ? "checkpoint.h5" : "hf")),
            "of the pruned model");
        for (std::size_t t = 0; t < dense.size(); ++t) {
            job.report.perplexities.push_back({inputs.evaluations[t].file.string(), dense[t].seqlen,
                                               dense[t].windows, dense[t].value, pruned[t].value});
        }
    });
}

}  // namespace alphaprune
