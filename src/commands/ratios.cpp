#include <fmt/format.h>

#include "alphaprune/allocation/mixed_pattern.hpp"
#include "alphaprune/allocation/owl.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/phases/calibrated_phase.hpp"
#include "alphaprune/report/progress.hpp"
#include "ratio_file.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

constexpr int kMixedGroup = 8;

std::vector<allocation::AllocationItem> items_of(const Job& job, const Spectra& spectra) {
    std::vector<allocation::AllocationItem> items;
    for (std::size_t m = 0; m < job.catalogue.matrices.size(); ++m) {
        const model::MatrixInfo& matrix = job.catalogue.matrices[m];
        items.push_back({matrix.block, matrix.rows * matrix.cols,
                         spectra.metrics.empty() ? 0 : spectra.metrics[m][job.options.metric]});
    }
    return items;
}

std::vector<double> measure_outliers(Job& job, const Inputs& inputs) {
    return job.clock.measure("outliers", [&] {
        report::ProgressLine line("outliers", "blocks", job.ranks.is_root());
        return phases::outlier_shares(
            job.ranks, inputs.nodes, job.catalogue, inputs.calibration, job.options.owl_multiple,
            [&](std::int64_t done, std::int64_t total) { line.update(done, total); },
            &*job.journal);
    });
}

allocation::Allocation allocate(const Job& job, std::span<const allocation::AllocationItem> items,
                                std::span<const double> outliers) {
    const allocation::AllocationOptions& ratios = job.options.ratios;
    switch (job.options.allocation) {
        case cli::AllocationKind::alphapruning:
            return allocation::allocate_alphapruning(items, ratios);
        case cli::AllocationKind::uniform:
            return allocation::allocate_uniform(items, ratios);
        case cli::AllocationKind::linear_depth:
            return allocation::allocate_linear_depth(items, ratios);
        case cli::AllocationKind::owl:
            return allocation::allocate_owl(
                items, outliers,
                {ratios.sparsity_ratio, job.options.owl_lambda, ratios.max_sparsity});
        case cli::AllocationKind::file:
            break;
    }
    return allocation::allocate_given(items,
                                      read_ratio_file(job.options.allocation_file, job.catalogue));
}

std::vector<phases::PruneTarget> targets_of(const cli::Options& options,
                                            std::span<const allocation::AllocationItem> items,
                                            std::span<const double> ratios) {
    std::vector<phases::PruneTarget> targets;
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
    switch (options.allocation) {
        case cli::AllocationKind::alphapruning:
            return "alphapruning";
        case cli::AllocationKind::uniform:
            return "uniform";
        case cli::AllocationKind::linear_depth:
            return "linear_depth";
        case cli::AllocationKind::owl:
            return "owl";
        case cli::AllocationKind::file:
            break;
    }
    return "file:" + options.allocation_file.string();
}

std::string sparsity_type(const cli::Options& options) {
    if (options.mixed_pattern) {
        return "mixed-N:8";
    }
    return options.pattern ? fmt::format("{}:{}", options.pattern->removed, options.pattern->group)
                           : "unstructured";
}

bool needs_metric(const cli::Options& options) {
    return options.allocation == cli::AllocationKind::alphapruning;
}

void check_ratios(const Job& job) {
    if (job.options.allocation == cli::AllocationKind::file) {
        return;  // the file is checked when it is read
    }
    parallel::together(job.ranks, [&] {
        const std::vector<allocation::AllocationItem> items = items_of(job, {});
        const allocation::Allocation uniform =
            allocation::allocate_uniform(items, job.options.ratios);
        targets_of(job.options, items, uniform.ratios);
    });
}

Ratios decide_ratios(Job& job, const Inputs& inputs, const Spectra& spectra) {
    const std::vector<allocation::AllocationItem> items = items_of(job, spectra);
    std::vector<double> outliers;
    if (job.options.allocation == cli::AllocationKind::owl) {
        outliers = measure_outliers(job, inputs);
    }
    return parallel::together(job.ranks, [&] {
        Ratios ratios{allocate(job, items, outliers), {}};
        ratios.targets = targets_of(job.options, items, ratios.allocation.ratios);
        return ratios;
    });
}

}  // namespace alphaprune::commands
