#include "alphaprune/planning/calibration_memory.hpp"

#include <algorithm>
#include <span>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/pruning/sparsegpt.hpp"
#include "alphaprune/transformer/forward_plan.hpp"

namespace alphaprune::planning {
namespace {

std::uint64_t statistics_bytes(pruning::CalibratedMethod method,
                               std::span<const transformer::InputSite> sites, std::int64_t own,
                               std::int64_t all, int ranks) {
    std::uint64_t bytes = 0;
    for (const transformer::InputSite& site : sites) {
        bytes += method == pruning::CalibratedMethod::sparsegpt
                     ? pruning::Hessian::memory_needed(site.cols, ranks)
                     : static_cast<std::uint64_t>(site.cols * (own + all + 1)) * sizeof(float);
    }
    return bytes;
}

}  // namespace

CalibrationMemory calibration_memory(const model::Catalogue& catalogue,
                                     pruning::CalibratedMethod method,
                                     const model::TokenSequences& sequences, int ranks,
                                     int node_ranks) {
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    const std::int64_t own = parallel::share_of(sequences.count(), ranks, 0).size();
    CalibrationMemory memory;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        const std::uint64_t weights = transformer::block_weight_bytes(plan, block);
        memory.weights = std::max(memory.weights, weights / static_cast<std::uint64_t>(node_ranks));
        memory.statistics = std::max(
            memory.statistics, statistics_bytes(method, transformer::input_sites(plan, block), own,
                                                sequences.count(), ranks));
    }
    const auto state =
        static_cast<std::uint64_t>(sequences.length * plan.hidden_size()) * sizeof(float);
    memory.activations = state * static_cast<std::uint64_t>(own + 1) +
                         transformer::scratch_bytes(plan, sequences.length);
    return memory;
}

}  // namespace alphaprune::planning
