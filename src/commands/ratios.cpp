#include "ratios.hpp"

#include <fmt/format.h>

#include <limits>

#include "alphaprune/allocation/mixed_pattern.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/phases/outlier_phase.hpp"
#include "alphaprune/report/progress.hpp"
#include "ratio_file.hpp"

namespace alphaprune::commands {
namespace {

constexpr int kMixedGroup = 8;

std::vector<allocation::AllocationItem> items_of(const Job& job) {
    std::vector<allocation::AllocationItem> items;
    for (const report::MatrixReport& matrix : job.report.matrices) {
        items.push_back(
            {matrix.block, matrix.rows * matrix.cols, matrix.metrics[job.options.metric]});
    }
    return items;
}

std::vector<double> measure_outliers(Job& job, const Inputs& inputs) {
    return job.clock.measure("outliers", [&] {
        report::ProgressLine line("outliers", "blocks", job.ranks.is_root());
        return phases::outlier_shares(
            job.ranks, inputs.nodes, job.catalogue, inputs.calibration,
            job.options.allocation->outlier_multiple(job.options.method_values),
            [&](std::int64_t done, std::int64_t total) { line.update(done, total); },
            &*job.journal);
    });
}

/// What the allocation needs besides the metric. Collective. @throws Error
std::vector<double> values_for_allocation(Job& job, const Inputs& inputs) {
    switch (job.options.allocation->needs) {
        case allocation::AllocationNeeds::nothing:
        case allocation::AllocationNeeds::metric:
            return {};
        case allocation::AllocationNeeds::outlier_shares:
            return measure_outliers(job, inputs);
        case allocation::AllocationNeeds::ratio_file:
            break;
    }
    return parallel::together(
        job.ranks, [&] { return read_ratio_file(job.options.allocation_file, job.catalogue); });
}

void describe(Job& job, const allocation::Allocation& allocation) {
    const allocation::AllocationOptions& ratios = job.options.ratios;
    report::AllocationReport& report = job.report.allocation.emplace();
    report.name = allocation_name(job.options);
    report.metric = needs_metric(job.options) ? spectrum::name_of(job.options.metric) : "";
    report.mapping_type =
        ratios.mapping == allocation::Mapping::block_wise ? "block_wise" : "layer_wise";
    report.epsilon = ratios.epsilon;
    report.sparsity_ratio = ratios.sparsity_ratio;
    report.max_sparsity = ratios.max_sparsity;
    report.bounded_blocks = allocation.bounded_blocks;
    for (const support::MethodOption& option : job.options.allocation->options) {
        report.own_options.push_back({std::string(option.name), std::string(option.symbol),
                                      support::value_of(option, job.options.method_values)});
    }
    job.report.notes.insert(job.report.notes.end(), allocation.notes.begin(),
                            allocation.notes.end());
}

std::vector<pruning::PruneTarget> targets_of(const cli::Options& options,
                                             std::span<const allocation::AllocationItem> items,
                                             std::span<const double> ratios) {
    std::vector<pruning::PruneTarget> targets;
    if (options.mixed_pattern) {
        const allocation::MixedPatterns mixed =
            allocation::mixed_patterns(items, ratios, kMixedGroup);
        for (std::size_t m = 0; m < ratios.size(); ++m) {
            targets.push_back({mixed.ratios[m], pruning::Pattern{mixed.removed[m], kMixedGroup}});
        }
        return targets;
    }
    for (const double ratio : ratios) {
        targets.push_back({ratio, options.pattern});
    }
    return targets;
}

}  // namespace

std::string allocation_name(const cli::Options& options) {
    const std::string name(options.allocation->name);
    return options.allocation->is_computed() ? name : name + ":" + options.allocation_file.string();
}

std::string sparsity_type(const cli::Options& options) {
    if (options.mixed_pattern) {
        return "mixed-N:8";
    }
    return options.pattern ? fmt::format("{}:{}", options.pattern->removed, options.pattern->group)
                           : "unstructured";
}

bool needs_metric(const cli::Options& options) {
    return options.allocation->needs == allocation::AllocationNeeds::metric;
}

void take_metric_from_cache(Job& job) {
    const std::vector<double> values = parallel::together(
        job.ranks, [&] { return read_metric_cache(job.options.metric_cache, job.catalogue); });
    for (std::size_t m = 0; m < values.size(); ++m) {
        report::MatrixReport& matrix = job.report.matrices[m];
        matrix.metrics.values.fill(std::numeric_limits<double>::quiet_NaN());
        matrix.metrics[job.options.metric] = values[m];
        matrix.has_metrics = true;
    }
}

void check_ratios(const Job& job) {
    if (!job.options.allocation->is_computed()) {
        return;  // they are read before anything else is done
    }
    parallel::together(job.ranks, [&] {
        const std::vector<allocation::AllocationItem> items = items_of(job);
        allocation::check_request({items, job.options.ratios});
        targets_of(job.options, items,
                   std::vector<double>(items.size(), job.options.ratios.sparsity_ratio));
    });
}

std::vector<pruning::PruneTarget> decide_targets(Job& job, const Inputs& inputs) {
    const std::vector<allocation::AllocationItem> items = items_of(job);
    const std::vector<double> values = values_for_allocation(job, inputs);
    const allocation::Allocation allocation = parallel::together(job.ranks, [&] {
        return job.options.allocation->allocate(
            {items, job.options.ratios, values, job.options.method_values});
    });
    describe(job, allocation);
    job.report.sparsity_type = sparsity_type(job.options);
    const auto targets = parallel::together(
        job.ranks, [&] { return targets_of(job.options, items, allocation.ratios); });
    for (std::size_t m = 0; m < targets.size(); ++m) {
        job.report.matrices[m].sparsity_ratio = targets[m].ratio;
    }
    return targets;
}

}  // namespace alphaprune::commands
