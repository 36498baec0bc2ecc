#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/phases/spectrum_phase.hpp"

namespace alphaprune::phases {
namespace {

/// The plan of the matrices that no earlier attempt has done.
planning::ShardPlan plan_of_the_rest(const model::Catalogue& catalogue,
                                     const resume::Journal* journal,
                                     const planning::Cluster& cluster,
                                     const planning::CostModel& costs,
                                     const planning::ShardOptions& options) {
    const std::vector<planning::PlannedShape> all = planning::shapes_of(catalogue);
    std::vector<planning::PlannedShape> rest;
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
    planning::ShardPlan plan = planning::make_shard_plan(rest, cluster, costs, options);
    for (planning::ShardStage& stage : plan.stages) {
        for (planning::PlannedMatrix& matrix : stage.matrices) {
            matrix.matrix = numbers[static_cast<std::size_t>(matrix.matrix)];
        }
    }
    return plan;
}

/// Where every node has cards, whose ranks do it all. Collective.
planning::Cluster cards_as_ranks(const parallel::Communicator& ranks,
                                 const parallel::Communicator& node,
                                 const SpectrumOptions& options) {
    const int mine = options.card ? 1 : 0;
    return {ranks.sum(mine), ranks.max(node.sum(mine)), options.memory_per_rank};
}

}  // namespace

planning::ShardPlan plan_spectra(const parallel::Communicator& ranks,
                                 const model::Catalogue& catalogue,
                                 const SpectrumOptions& options) {
    const parallel::Communicator node = ranks.split_by_node();
    const bool cards_alone = !ranks.any(!node.any(options.card.has_value()));
    const int threads =
        cards_alone ? 1 : planning::threads_taking_matrices(options.solver, options.threads);
    const planning::Cluster cluster =
        cards_alone ? cards_as_ranks(ranks, node, options)
                    : planning::with_threads_as_ranks(
                          {ranks.size(), ranks.max(node.size()), options.memory_per_rank}, threads);
    planning::CostModel costs = options.costs;
    costs.precision = options.precision;
    costs.generated = catalogue.origin == model::WeightOrigin::synthetic;
    // The same arguments and elementary arithmetic on every rank: the same plan.
    return parallel::run_collectively(ranks, [&] {
        planning::ShardPlan plan = plan_of_the_rest(
            catalogue, options.journal, cluster, costs,
            cards_alone
                ? planning::ShardOptions{linalg::Solver::cuda, 1}
                : planning::ShardOptions{options.solver, threads > 1 ? 1 : options.group_ranks});
        plan.threads = threads;
        return plan;
    });
}

}  // namespace alphaprune::phases
