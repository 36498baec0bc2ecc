#include <fmt/format.h>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/phases/outlier_phase.hpp"
#include "alphaprune/report/progress.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

constexpr int kMixedGroup = 8;

/// What the allocation needs besides the metric. Collective. @throws Error
std::vector<double> values_for_allocation(const Job& job, const std::vector<double>& scores) {
    if (job.options.allocation->needs == allocation::AllocationNeeds::ratio_file) {
        return parallel::run_collectively(
            job.ranks, [&] { return read_ratio_file(job.options.allocation_file, job.catalogue); });
    }
    return scores;
}

/// A search that begins with uniform ratios and with those that follow the metric. Collective.
allocation::SearchResult search_from(Job& job, const Inputs& inputs,
                                     const pruning::PrunerSettings& settings,
                                     std::span<const allocation::AllocationItem> items) {
    std::vector<allocation::SearchStart> starts;
    for (const allocation::AllocationMethod* start :
         {&allocation::uniform_allocation(), &allocation::default_allocation()}) {
        starts.push_back({std::string(start->name), parallel::run_collectively(job.ranks, [&] {
                              return start->allocate({items, job.options.ratios}).ratios;
                          })});
    }
    return job.clock.measure("search", [&] { return search(job, inputs, settings, starts); });
}

}  // namespace

std::vector<allocation::AllocationItem> allocation_items(const cli::Options& options,
                                                         const model::Catalogue& catalogue,
                                                         const Spectra& spectra) {
    std::vector<allocation::AllocationItem> items;
    for (std::size_t m = 0; m < catalogue.matrices.size(); ++m) {
        const model::MatrixInfo& matrix = catalogue.matrices[m];
        items.push_back({matrix.block, matrix.rows * matrix.cols,
                         spectra.metrics.empty() ? 0 : spectra.metrics[m][options.metric],
                         catalogue.expert_of(matrix)});
    }
    return items;
}

std::vector<pruning::PruneTarget> targets_of(const cli::Options& options,
                                             const model::Catalogue& catalogue,
                                             std::span<const double> ratios) {
    std::vector<pruning::PruneTarget> targets;
    if (options.mixed_pattern) {
        const allocation::MixedPatterns mixed = allocation::mixed_patterns(
            allocation_items(options, catalogue, {}), ratios, kMixedGroup);
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

phases::SiteOrder site_order(const cli::Options& options) {
    return options.sites_sequentially ? phases::SiteOrder::sequential : phases::SiteOrder::together;
}

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
    return options.allocation->needs_metric();
}

void check_ratios(const parallel::Communicator& ranks, const cli::Options& options,
                  const model::Catalogue& catalogue) {
    if (!options.allocation->is_computed()) {
        return;  // the file is checked when it is read
    }
    parallel::run_collectively(ranks, [&] {
        const std::vector<allocation::AllocationItem> items =
            allocation_items(options, catalogue, {});
        allocation::check_request({items, options.ratios});
        targets_of(options, catalogue,
                   std::vector<double>(items.size(), options.ratios.sparsity_ratio));
    });
}

std::vector<double> measure_scores(Job& job, const Inputs& inputs) {
    const allocation::AllocationMethod& method = *job.options.allocation;
    return job.clock.measure("outliers", [&] {
        report::ProgressLine line("scores", "blocks", job.ranks.is_root());
        return phases::block_scores(
            job.ranks, inputs.nodes, job.catalogue, inputs.calibration.sequences,
            method.outlier_multiple != nullptr
                ? std::optional(method.outlier_multiple(job.options.method_values))
                : std::nullopt,
            [&](std::int64_t done, std::int64_t total) { line.update(done, total); }, &*job.journal,
            inputs.calibration_forward());
    });
}

Ratios decide_ratios(Job& job, const Inputs& inputs, const pruning::PrunerSettings& settings,
                     const Spectra& spectra, const std::vector<double>& scores) {
    const std::vector<allocation::AllocationItem> items =
        allocation_items(job.options, job.catalogue, spectra);
    const bool searched = job.options.allocation->is_searched();
    const auto found =
        searched ? search_from(job, inputs, settings, items) : allocation::SearchResult{};
    const std::vector<double> values = searched ? found.ratios : values_for_allocation(job, scores);
    return parallel::run_collectively(job.ranks, [&] {
        Ratios ratios{job.options.allocation->allocate(
                          {items, job.options.ratios, values, job.options.method_values}),
                      {}};
        ratios.targets = targets_of(job.options, job.catalogue, ratios.allocation.ratios);
        ratios.search = found.history;
        return ratios;
    });
}

}  // namespace alphaprune::commands
