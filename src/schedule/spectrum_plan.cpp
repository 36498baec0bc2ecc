#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/schedule/spectrum_phase.hpp"

namespace alphaprune {
namespace {

/// The plan of the matrices that no earlier attempt has done.
ShardPlan plan_of_the_rest(const Catalogue& catalogue, const Journal* journal,
                           const Cluster& cluster, const CostModel& costs,
                           const ShardOptions& options) {
    const std::vector<PlannedShape> all = shapes_of(catalogue);
    std::vector<PlannedShape> rest;
    std::vector<int> numbers;
    for (std::size_t m = 0; m < all.size(); ++m) {
        if (journal == nullptr || !journal->earlier().has_spectrum[m]) {
            rest.push_back(all[m]);
            numbers.push_back(static_cast<int>(m));
        }
    }
    if (rest.empty()) {
        return {};
    }
    ShardPlan plan = make_shard_plan(rest, cluster, costs, options);
    for (ShardStage& stage : plan.stages) {
        for (PlannedMatrix& matrix : stage.matrices) {
            matrix.matrix = numbers[static_cast<std::size_t>(matrix.matrix)];
        }
    }
    return plan;
}

}  // namespace

ShardPlan plan_spectra(const Communicator& ranks, const Catalogue& catalogue,
                       const SpectrumOptions& options) {
    const int threads = threads_taking_matrices(options.solver, options.threads);
    const Cluster cluster = with_threads_as_ranks(
        {ranks.size(), ranks.max(ranks.split_by_node().size()), options.memory_per_rank}, threads);
    CostModel costs = options.costs;
    costs.precision = options.precision;
    costs.generated = catalogue.origin == WeightOrigin::synthetic;
    // The same arguments and elementary arithmetic on every rank: the same plan.
    return together(ranks, [&] {
        ShardPlan plan = plan_of_the_rest(catalogue, options.journal, cluster, costs,
                                          {options.solver, threads > 1 ? 1 : options.group_ranks});
        plan.threads = threads;
        return plan;
    });
}

}  // namespace alphaprune
