#include "alphaprune/planning/calibration_memory.hpp"

#include <algorithm>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/pruning/input_norms.hpp"
#include "alphaprune/transformer/forward_plan.hpp"

namespace alphaprune::planning {

pruning::SiteWork work_at(const model::Catalogue& catalogue, const transformer::InputSite& site,
                          const model::TokenSequences& sequences, int ranks) {
    pruning::SiteWork work;
    work.cols = site.cols;
    for (const int index : site.matrices) {
        const model::MatrixInfo& matrix = catalogue.matrices[static_cast<std::size_t>(index)];
        work.weights += static_cast<double>(matrix.size());
        work.bytes += static_cast<double>(catalogue.tensor_of(matrix).bytes());
    }
    work.sequences = sequences.count();
    work.own_sequences = parallel::share_of(sequences.count(), ranks, 0).size();
    work.tokens = sequences.length;
    work.ranks = ranks;
    return work;
}

CalibrationMemory calibration_memory(const model::Catalogue& catalogue,
                                     const pruning::Pruner& pruner, bool measures_outliers,
                                     const model::TokenSequences& sequences, int ranks,
                                     int node_ranks) {
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    const std::int64_t own = parallel::share_of(sequences.count(), ranks, 0).size();
    CalibrationMemory memory;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        const std::uint64_t weights = transformer::block_weight_bytes(plan, block);
        memory.weights = std::max(memory.weights, weights / static_cast<std::uint64_t>(node_ranks));
        std::uint64_t pruned = 0;
        std::uint64_t outliers = 0;
        for (const transformer::InputSite& site : transformer::input_sites(plan, block)) {
            pruning::SiteWork work = work_at(catalogue, site, sequences, ranks);
            work.node_ranks = node_ranks;
            pruned += pruner.needs_activations() ? pruner.cost(work).memory : 0;
            outliers += measures_outliers ? pruning::scoring_cost(work).memory : 0;
        }
        memory.statistics = std::max({memory.statistics, pruned, outliers});
    }
    const auto state =
        static_cast<std::uint64_t>(sequences.length * plan.hidden_size()) * sizeof(float);
    memory.activations = state * static_cast<std::uint64_t>(own + 1) +
                         transformer::scratch_bytes(plan, sequences.length);
    return memory;
}

}  // namespace alphaprune::planning
