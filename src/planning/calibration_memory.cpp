#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/pruning/input_norms.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "forecast_parts.hpp"

namespace alphaprune::planning {
namespace {

pruning::SiteWork site_work(const model::Catalogue& catalogue, const transformer::InputSite& site,
                            const RunTask& task, int ranks, int node_ranks) {
    const model::TokenSequences& sequences = task.calibration;
    pruning::SiteWork work;
    work.cols = site.cols;
    work.residual_rows = site.residual_rows;
    work.outputs = task.settings.outputs;
    for (const int index : site.matrices) {
        const model::MatrixInfo& matrix = catalogue.matrices[static_cast<std::size_t>(index)];
        work.weights += static_cast<double>(matrix.size());
        work.largest = std::max(work.largest, static_cast<double>(matrix.size()));
        work.bytes += catalogue.stored_bytes_of(matrix);
    }
    work.sequences = sequences.count();
    work.own_sequences = parallel::share_of(sequences.count(), ranks, 0).size();
    work.tokens = std::max<std::int64_t>(
        std::llround(static_cast<double>(sequences.length) * site.token_share), 1);
    work.ranks = ranks;
    work.node_ranks = node_ranks;
    return work;
}

/// What some sites hold that are pruned in their order, once all of them have gathered; or each for
/// itself.
std::uint64_t most_memory(std::span<const pruning::SiteCost> sites, bool one_by_one) {
    std::uint64_t most = 0;
    std::uint64_t waiting = 0;  // what those hold that are pruned later
    for (auto site = sites.rbegin(); site != sites.rend(); ++site) {
        most = std::max(
            most, waiting + site->memory + std::max(site->gathering_memory, site->working_memory));
        waiting += one_by_one ? 0 : site->memory + site->gathering_memory;
    }
    return most;
}

/// What the sites of a block use in turn, and what its mixtures keep.
std::uint64_t memory_throughout(const BlockWork& work) {
    std::uint64_t common = 0;
    for (const pruning::SiteCost& site : work.pruned) {
        common = std::max(common, site.common_memory);
    }
    return common + work.routed.memory + work.routed.gathering_memory;
}

/// From the last site on as many in a turn as there is room for, at least one.
std::vector<std::size_t> turns_within(std::span<const pruning::SiteCost> sites,
                                      std::uint64_t room) {
    std::vector<std::size_t> begins{0};
    std::uint64_t waiting = 0;  // what those of the turn hold that are pruned later
    for (std::size_t site = sites.size(); site-- > 0;) {
        const pruning::SiteCost& cost = sites[site];
        const std::uint64_t needed =
            waiting + cost.memory + std::max(cost.gathering_memory, cost.working_memory);
        if (needed > room && site + 1 < sites.size()) {
            begins.insert(begins.begin() + 1, site + 1);
            waiting = 0;
        }
        waiting += cost.memory + cost.gathering_memory;
    }
    return begins;
}

std::uint64_t memory_of(std::span<const pruning::SiteCost> sites,
                        const std::vector<std::size_t>& turns, bool one_by_one) {
    std::uint64_t most = 0;
    for (std::size_t turn = 0; turn < turns.size(); ++turn) {
        const std::size_t end = turn + 1 < turns.size() ? turns[turn + 1] : sites.size();
        most =
            std::max(most, most_memory(sites.subspan(turns[turn], end - turns[turn]), one_by_one));
    }
    return most;
}

/// Weights and activations.
CalibrationMemory memory_of_passes(const transformer::ForwardPlan& plan, const RunTask& task,
                                   int ranks, int node_ranks) {
    const model::TokenSequences& sequences = task.calibration;
    const std::int64_t own = parallel::share_of(sequences.count(), ranks, 0).size();
    const std::uint64_t streams = task.settings.outputs.any() ? 2 : 1;
    CalibrationMemory memory;
    std::int64_t kept = 0;
    for (int block = 0; block < plan.catalogue->blocks(); ++block) {
        const std::uint64_t weights = streams * transformer::block_weight_bytes(plan, block) /
                                      static_cast<std::uint64_t>(node_ranks);
        memory.weights = std::max(memory.weights, weights);
        kept = std::max(kept, transformer::kept_values(plan, block));
    }
    const auto tokens = static_cast<std::uint64_t>(sequences.length);
    const std::uint64_t state =
        tokens * static_cast<std::uint64_t>(plan.hidden_size()) * sizeof(float);
    const std::uint64_t steps = streams - 1 + (task.sites_sequentially ? 1 : 0);
    const std::uint64_t drift = (streams - 1) * state;
    memory.activations = streams * (state * static_cast<std::uint64_t>(own + 1) +
                                    transformer::scratch_bytes(plan, sequences.length)) +
                         drift +
                         steps * tokens * static_cast<std::uint64_t>(own * kept) * sizeof(float);
    return memory;
}

}  // namespace

BlockWork block_work(const transformer::ForwardPlan& plan, int block, const RunTask& task,
                     int ranks, int node_ranks) {
    BlockWork work;
    const auto sites = transformer::input_sites(plan, block);
    for (std::size_t site = 0; site < sites.size(); ++site) {
        const pruning::SiteWork at =
            site_work(*plan.catalogue, sites[site], task, ranks, node_ranks);
        work.sites.push_back(at);
        work.matrices.push_back(sites[site].matrices.size());
        const bool pruned = task.prunes_by_block() && !sites[site].matrices.empty();
        work.pruned.push_back(pruned ? pruning::cost_of(*task.pruner, at) : pruning::SiteCost{});
        if (pruned && plan.block(block).sites[site].opens_mixture()) {
            pruning::SiteWork all = at;
            all.tokens = task.calibration.length;
            const pruning::SiteCost routed = pruning::routed_cost(*task.pruner, task.settings, all);
            work.routed.flops += routed.flops;
            work.routed.memory += routed.memory;
            work.routed.gathering_memory += routed.gathering_memory;
        }
    }
    return work;
}

CalibrationMemory calibration_memory(const model::Catalogue& catalogue, const RunTask& task,
                                     int ranks, int node_ranks,
                                     std::optional<std::uint64_t> memory_per_rank) {
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    CalibrationMemory memory = memory_of_passes(plan, task, ranks, node_ranks);
    const std::uint64_t passes = memory.total() + program_memory({ranks, node_ranks, {}});
    for (int block = 0; block < catalogue.blocks(); ++block) {
        const BlockWork work = block_work(plan, block, task, ranks, node_ranks);
        const std::uint64_t throughout = memory_throughout(work);
        std::vector<std::size_t> turns{0};
        if (memory_per_rank && task.prunes_by_block() && !task.sites_sequentially) {
            const std::uint64_t taken = passes + throughout;
            turns =
                turns_within(work.pruned, *memory_per_rank > taken ? *memory_per_rank - taken : 0);
        }
        std::uint64_t outliers = 0;
        for (const pruning::SiteWork& site : work.sites) {
            outliers += task.measures_outliers ? pruning::scoring_cost(site).memory : 0;
        }
        memory.statistics = std::max(
            {memory.statistics, throughout + memory_of(work.pruned, turns, task.sites_sequentially),
             outliers});
        memory.turns.push_back(std::move(turns));
    }
    return memory;
}

}  // namespace alphaprune::planning
