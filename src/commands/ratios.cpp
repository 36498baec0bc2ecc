#include "ratios.hpp"

#include <fmt/format.h>

#include <limits>

#include "alphaprune/allocation/mixed_pattern.hpp"
#include "alphaprune/allocation/owl.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"
#include "alphaprune/schedule/calibrated_phase.hpp"
#include "ratio_file.hpp"

namespace alphaprune {
namespace {

constexpr int kMixedGroup = 8;

std::vector<AllocationItem> items_of(const Job& job) {
    std::vector<AllocationItem> items;
    for (const MatrixReport& matrix : job.report.matrices) {
        items.push_back(
            {matrix.block, matrix.rows * matrix.cols, matrix.metrics[job.options.metric]});
    }
    return items;
}

std::vector<double> measure_outliers(Job& job, const Inputs& inputs) {
    return job.clock.measure("outliers", [&] {
        ProgressLine line("outliers", "blocks", job.ranks.is_root());
        return outlier_shares(
            job.ranks, inputs.nodes, job.catalogue, inputs.calibration, job.options.owl_multiple,
            [&](std::int64_t done, std::int64_t total) { line.update(done, total); },
            &*job.journal);
    });
}

Allocation allocate(const Job& job, std::span<const AllocationItem> items,
                    std::span<const double> outliers) {
    const AllocationOptions& ratios = job.options.ratios;
    switch (job.options.allocation) {
        case AllocationKind::alphapruning:
            return allocate_alphapruning(items, ratios);
        case AllocationKind::uniform:
            return allocate_uniform(items, ratios);
        case AllocationKind::linear_depth:
            return allocate_linear_depth(items, ratios);
        case AllocationKind::owl:
            return allocate_owl(
                items, outliers,
                {ratios.sparsity_ratio, job.options.owl_lambda, ratios.max_sparsity});
        case AllocationKind::file:
            break;
    }
    return allocate_given(items, read_ratio_file(job.options.allocation_file, job.catalogue));
}

void describe(Job& job, const Allocation& allocation) {
    const AllocationOptions& ratios = job.options.ratios;
    AllocationReport& report = job.report.allocation.emplace();
    report.name = allocation_name(job.options);
    report.metric = needs_metric(job.options) ? name_of(job.options.metric) : "";
    report.mapping_type = ratios.mapping == Mapping::block_wise ? "block_wise" : "layer_wise";
    report.epsilon = ratios.epsilon;
    report.sparsity_ratio = ratios.sparsity_ratio;
    report.max_sparsity = ratios.max_sparsity;
    report.bounded_blocks = allocation.bounded_blocks;
    if (job.options.allocation == AllocationKind::owl) {
        report.owl_lambda = job.options.owl_lambda;
        report.owl_multiple = job.options.owl_multiple;
    }
    job.report.notes.insert(job.report.notes.end(), allocation.notes.begin(),
                            allocation.notes.end());
}

std::vector<PruneTarget> targets_of(const Options& options, std::span<const AllocationItem> items,
                                    std::span<const double> ratios) {
    std::vector<PruneTarget> targets;
    if (options.mixed_pattern) {
        const MixedPatterns mixed = mixed_patterns(items, ratios, kMixedGroup);
        for (std::size_t m = 0; m < ratios.size(); ++m) {
            targets.push_back({mixed.ratios[m], Pattern{mixed.removed[m], kMixedGroup}});
        }
        return targets;
    }
    for (const double ratio : ratios) {
        targets.push_back({ratio, options.pattern});
    }
    return targets;
}

}  // namespace

std::string allocation_name(const Options& options) {
    switch (options.allocation) {
        case AllocationKind::alphapruning:
            return "alphapruning";
        case AllocationKind::uniform:
            return "uniform";
        case AllocationKind::linear_depth:
            return "linear_depth";
        case AllocationKind::owl:
            return "owl";
        case AllocationKind::file:
            break;
    }
    return "file:" + options.allocation_file.string();
}

std::string sparsity_type(const Options& options) {
    if (options.mixed_pattern) {
        return "mixed-N:8";
    }
    return options.pattern ? fmt::format("{}:{}", options.pattern->removed, options.pattern->group)
                           : "unstructured";
}

bool needs_metric(const Options& options) {
    return options.allocation == AllocationKind::alphapruning;
}

void take_metric_from_cache(Job& job) {
    const std::vector<double> values = together(
        job.ranks, [&] { return read_metric_cache(job.options.metric_cache, job.catalogue); });
    for (std::size_t m = 0; m < values.size(); ++m) {
        MatrixReport& matrix = job.report.matrices[m];
        matrix.metrics.values.fill(std::numeric_limits<double>::quiet_NaN());
        matrix.metrics[job.options.metric] = values[m];
        matrix.has_metrics = true;
    }
}

void check_ratios(const Job& job) {
    if (job.options.allocation == AllocationKind::file) {
        return;  // they are read before anything else is done
    }
    together(job.ranks, [&] {
        const std::vector<AllocationItem> items = items_of(job);
        const Allocation uniform = allocate_uniform(items, job.options.ratios);
        targets_of(job.options, items, uniform.ratios);
    });
}

std::vector<PruneTarget> decide_targets(Job& job, const Inputs& inputs) {
    const std::vector<AllocationItem> items = items_of(job);
    std::vector<double> outliers;
    if (job.options.allocation == AllocationKind::owl) {
        outliers = measure_outliers(job, inputs);
    }
    const Allocation allocation =
        together(job.ranks, [&] { return allocate(job, items, outliers); });
    describe(job, allocation);
    job.report.sparsity_type = sparsity_type(job.options);
    const auto targets =
        together(job.ranks, [&] { return targets_of(job.options, items, allocation.ratios); });
    for (std::size_t m = 0; m < targets.size(); ++m) {
        job.report.matrices[m].sparsity_ratio = targets[m].ratio;
    }
    return targets;
}

}  // namespace alphaprune
