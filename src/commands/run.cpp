#include <fmt/format.h>

#include <numeric>

#include "alphaprune/checkpoint/checkpoint_writer.hpp"
#include "alphaprune/commands/commands.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"
#include "alphaprune/schedule/prune_phase.hpp"
#include "job.hpp"
#include "ratio_file.hpp"

namespace alphaprune {
namespace {

/// The checkpoint, the spectra in it, and room for the small files.
std::uint64_t run_output_size(const Catalogue& catalogue) {
    std::uint64_t spectra = 0;
    for (const MatrixInfo& matrix : catalogue.matrices) {
        spectra += sizeof(double) * static_cast<std::uint64_t>(std::min(matrix.rows, matrix.cols));
    }
    constexpr std::uint64_t kPerTensor = 4096;
    constexpr std::uint64_t kReports = 8U << 20;
    return catalogue.bytes() + spectra + kPerTensor * catalogue.tensors.size() + kReports;
}

bool needs_metric(const Options& options) {
    return options.allocation == AllocationKind::alphapruning;
}

/// The chosen metric of every matrix from the user's file instead of from spectra.
void take_metric_from_cache(Job& job) {
    const std::vector<double> values = read_metric_cache(job.options.metric_cache, job.catalogue);
    for (std::size_t m = 0; m < values.size(); ++m) {
        MatrixReport& matrix = job.report.matrices[m];
        matrix.metrics.values.fill(std::numeric_limits<double>::quiet_NaN());
        matrix.metrics[job.options.metric] = values[m];
        matrix.has_metrics = true;
    }
}

std::vector<AllocationItem> items_of(const Job& job) {
    std::vector<AllocationItem> items;
    for (const MatrixReport& matrix : job.report.matrices) {
        items.push_back(
            {matrix.block, matrix.rows * matrix.cols, matrix.metrics[job.options.metric]});
    }
    return items;
}

Allocation allocate(const Job& job) {
    const std::vector<AllocationItem> items = items_of(job);
    switch (job.options.allocation) {
        case AllocationKind::alphapruning:
            return allocate_alphapruning(items, job.options.ratios);
        case AllocationKind::uniform:
            return allocate_uniform(items, job.options.ratios);
        case AllocationKind::linear_depth:
            return allocate_linear_depth(items, job.options.ratios);
        case AllocationKind::file:
            break;
    }
    return allocate_given(items, read_ratio_file(job.options.allocation_file, job.catalogue));
}

std::string allocation_name(const Options& options) {
    switch (options.allocation) {
        case AllocationKind::alphapruning:
            return "alphapruning";
        case AllocationKind::uniform:
            return "uniform";
        case AllocationKind::linear_depth:
            return "linear_depth";
        case AllocationKind::file:
            break;
    }
    return "file:" + options.allocation_file.string();
}

void describe_allocation(Job& job, const Allocation& allocation) {
    const AllocationOptions& ratios = job.options.ratios;
    AllocationReport& report = job.report.allocation.emplace();
    report.name = allocation_name(job.options);
    report.metric = needs_metric(job.options) ? name_of(job.options.metric) : "";
    report.mapping_type = ratios.mapping == Mapping::block_wise ? "block_wise" : "layer_wise";
    report.epsilon = ratios.epsilon;
    report.sparsity_ratio = ratios.sparsity_ratio;
    report.max_sparsity = ratios.max_sparsity;
    report.bounded_blocks = allocation.bounded_blocks;
    job.report.notes.insert(job.report.notes.end(), allocation.notes.begin(),
                            allocation.notes.end());
    for (std::size_t m = 0; m < allocation.ratios.size(); ++m) {
        job.report.matrices[m].sparsity_ratio = allocation.ratios[m];
    }
}

void write_measurements(CheckpointWriter& writer, const Job& job, const SpectrumResults& spectra) {
    writer.write_spectra(spectra.eigenvalues);
    for (std::size_t metric = 0; metric < kMetrics; ++metric) {
        std::vector<double> values;
        for (const MatrixReport& matrix : job.report.matrices) {
            values.push_back(matrix.metrics.values[metric]);
        }
        writer.write_metric(static_cast<Metric>(metric), values);
    }
}

void prune_and_write(Job& job, const std::vector<double>& ratios, const SpectrumResults* spectra) {
    CheckpointWriter writer(job.ranks, job.catalogue, job.options.output / "checkpoint.h5");
    const std::vector<PrunedTensor> tensors = job.clock.measure("prune", [&] {
        ProgressLine line("prune and write", "tensors", job.ranks.is_root());
        return prune_by_magnitude(
            job.ranks, job.catalogue, ratios, job.options.ties,
            [&](int tensor, RowRange rows, std::span<const std::byte> bytes) {
                writer.write_rows(tensor, rows, bytes);
            },
            [&](std::int64_t done, std::int64_t total) { line.update(done, total); });
    });
    job.clock.measure("write", [&] {
        if (spectra) {
            write_measurements(writer, job, *spectra);
        }
        std::vector<TensorSummary> summaries;
        for (std::size_t t = 0; t < tensors.size(); ++t) {
            const int matrix = job.catalogue.tensors[t].matrix;
            const double ratio = matrix < 0 ? 0.0 : ratios[static_cast<std::size_t>(matrix)];
            summaries.push_back({tensors[t].checksum, tensors[t].zeros, ratio});
        }
        writer.finish(summaries);
    });
    for (std::size_t m = 0; m < ratios.size(); ++m) {
        const auto tensor = static_cast<std::size_t>(job.catalogue.matrices[m].tensor);
        job.report.matrices[m].zeros = tensors[tensor].zeros;
    }
}

}  // namespace

ExitStatus run(const Communicator& ranks, const Options& options) {
    Job job = begin_job(ranks, options, run_output_size);
    job.report.prune_method = options.prune_method;
    std::optional<SpectrumResults> spectra;
    if (!options.metric_cache.empty()) {
        together(ranks, [&] { take_metric_from_cache(job); });
    } else if (needs_metric(options)) {
        spectra = measure_spectra(job);
    }
    const Allocation allocation = together(ranks, [&] { return allocate(job); });
    describe_allocation(job, allocation);
    prune_and_write(job, allocation.ratios, spectra ? &*spectra : nullptr);
    finish_job(job, spectra ? &*spectra : nullptr);
    return ExitStatus::done;
}

}  // namespace alphaprune
