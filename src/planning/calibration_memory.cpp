#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "alphaprune/linalg/aligned_rows.hpp"
#include "alphaprune/linalg/node_sums.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/pruning/input_norms.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "forecast_parts.hpp"

namespace alphaprune::planning {
namespace {

int node_ranks_of(const Cluster& cluster) {
    return std::min(cluster.ranks, cluster.ranks_per_node);
}

pruning::SiteWork site_work(const model::Catalogue& catalogue, const transformer::InputSite& site,
                            const RunTask& task, const Cluster& cluster, const TeamPlan& teams) {
    const SequenceShape& sequences = task.calibration;
    constexpr std::int64_t kGroup = linalg::AlignedRows::group();
    pruning::SiteWork work;
    work.cols = site.cols;
    work.residual_rows = site.residual_rows;
    work.outputs = task.settings.outputs;
    for (const int index : site.matrices) {
        const model::MatrixInfo& matrix = catalogue.matrices[static_cast<std::size_t>(index)];
        work.weights += static_cast<double>(matrix.size());
        work.largest = std::max(work.largest, static_cast<double>(matrix.size()));
        work.bytes += catalogue.stored_bytes_of(matrix);
        const std::int64_t rows = parallel::share_of(matrix.outputs(), cluster.ranks, 0).size();
        work.own_rows += static_cast<double>((rows + kGroup - 1) / kGroup * kGroup);
    }
    work.matrices = static_cast<int>(site.matrices.size());
    work.sequences = sequences.count();
    work.node_sequences = teams.node_sequences;
    work.own_sequences = teams.own_sequences();
    work.tokens = std::max<std::int64_t>(
        std::llround(static_cast<double>(sequences.length) * site.token_share), 1);
    work.ranks = cluster.ranks;
    work.node_ranks = node_ranks_of(cluster);
    work.team_ranks = teams.least_ranks();
    work.threads = task.threads;
    work.has_mask = task.has_mask;
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

/// What turns are to keep within.
std::optional<std::uint64_t> limit_of_turns(const Cluster& cluster) {
    if (!cluster.has_card_a_rank() || !cluster.card_memory) {
        return cluster.memory_per_rank;
    }
    return std::min(*cluster.card_memory, cluster.memory_per_rank.value_or(*cluster.card_memory));
}

/// Of a rank whose node adds up what its cards have summed: piece by piece, but of an expert, which
/// may have had few tokens, all at once.
std::uint64_t sums_of_hosts(const BlockWork& work, std::int64_t length) {
    std::uint64_t pieces = 0;
    std::uint64_t whole = 0;
    for (std::size_t site = 0; site < work.sites.size(); ++site) {
        const pruning::SiteWork& at = work.sites[site];
        const auto node_ranks = static_cast<std::uint64_t>(at.node_ranks);
        if (work.pruned[site].bytes_summed_by_nodes > 0) {
            pieces = std::max(pieces,
                              linalg::NodeSums::node_memory(at.node_ranks, at.cols) / node_ranks);
            whole = std::max(whole, at.tokens < length ? work.pruned[site].memory / node_ranks : 0);
        }
    }
    return pieces + whole;
}

/// A rank's rows of a tensor, a slab at a time, in float32 and as stored.
std::uint64_t delivery_memory(const model::Catalogue& catalogue, int ranks) {
    std::uint64_t most = 0;
    for (const model::TensorInfo& tensor : catalogue.tensors) {
        if (tensor.matrix >= 0) {
            const std::uint64_t stored =
                std::min(tensor.bytes() / static_cast<std::uint64_t>(ranks), parallel::kSlabBytes);
            most = std::max(
                most, stored + stored / support::size_of(tensor.scalar_type()) * sizeof(float));
        }
    }
    return most;
}

/// Beside cards: a block as they have it, the one before as long as it is written, and a sequence
/// on its way.
CalibrationMemory memory_beside_cards(const transformer::ForwardPlan& plan, const RunTask& task,
                                      const Cluster& cluster, const TeamPlan& teams) {
    const std::uint64_t streams = task.settings.outputs.any() ? 2 : 1;
    const std::uint64_t blocks = streams + (task.prunes_by_block() ? 1 : 0);
    CalibrationMemory memory;
    for (int block = 0; block < plan.catalogue->blocks(); ++block) {
        memory.weights = std::max(
            memory.weights, blocks * transformer::block_weight_bytes_beside_cards(plan, block) /
                                static_cast<std::uint64_t>(node_ranks_of(cluster)));
    }
    memory.activations = streams *
                         static_cast<std::uint64_t>(task.calibration.length * plan.hidden_size()) *
                         sizeof(float);
    memory.card = card_memory_of_passes(plan, task, task.calibration, teams.rounds());
    return memory;
}

/// Weights and activations.
CalibrationMemory memory_of_passes(const transformer::ForwardPlan& plan, const RunTask& task,
                                   const Cluster& cluster, const TeamPlan& teams) {
    if (cluster.has_card_a_rank()) {
        return memory_beside_cards(plan, task, cluster, teams);
    }
    const SequenceShape& sequences = task.calibration;
    const std::uint64_t streams = task.settings.outputs.any() ? 2 : 1;
    CalibrationMemory memory;
    std::int64_t kept = 0;
    for (int block = 0; block < plan.catalogue->blocks(); ++block) {
        const std::uint64_t weights = streams *
                                      held_weight_bytes(plan, block, task.forward_precision) /
                                      static_cast<std::uint64_t>(node_ranks_of(cluster));
        memory.weights = std::max(memory.weights, weights);
        kept = std::max(kept, transformer::kept_values(plan, block));
    }
    const auto tokens = static_cast<std::uint64_t>(sequences.length);
    const std::uint64_t state =
        tokens * static_cast<std::uint64_t>(plan.hidden_size()) * sizeof(float);
    const std::uint64_t steps = streams - 1 + (task.sites_sequentially ? 1 : 0);
    const std::uint64_t drift = (streams - 1) * state;
    memory.activations = bytes_of_rank(
        teams, static_cast<int>(streams) * task.threads,
        streams * state + steps * tokens * static_cast<std::uint64_t>(kept) * sizeof(float),
        streams * (state + transformer::scratch_bytes(plan, sequences.length)) + drift);
    return memory;
}

/// What the statistics of a block take, in turns.
struct BlockStatistics {
    std::vector<std::size_t> turns{0};
    std::uint64_t memory = 0;
};

/// @param room  for them, which turns keep within; nothing: they all come at once
BlockStatistics statistics_of(const BlockWork& work, const RunTask& task,
                              std::optional<std::uint64_t> room) {
    const std::uint64_t throughout = memory_throughout(work);
    BlockStatistics statistics;
    if (room && task.prunes_by_block() && !task.sites_sequentially) {
        statistics.turns = turns_within(work.pruned, *room > throughout ? *room - throughout : 0);
    }
    statistics.memory =
        throughout + memory_of(work.pruned, statistics.turns, task.sites_sequentially);
    return statistics;
}

/// Hidden states go to the host before statistics come in turns, each of which is a pass of its
/// own.
/// @param statistics  of all blocks, each at once, at most
void spill_states(CalibrationMemory& memory, std::uint64_t card, std::uint64_t statistics,
                  std::int64_t own_sequences) {
    const std::uint64_t others = memory.card.total() - memory.card.states + statistics;
    if (own_sequences == 0 || others + memory.card.states <= card) {
        return;
    }
    const std::uint64_t each = memory.card.states / static_cast<std::uint64_t>(own_sequences);
    const std::uint64_t room = card > others + each ? card - others - each : 0;  // one visits
    memory.states_on_card = static_cast<std::int64_t>(room / each);
    const std::uint64_t there = (static_cast<std::uint64_t>(*memory.states_on_card) + 1) * each;
    memory.card.spilled = memory.card.states + each - there;
    memory.card.states = there;
    memory.activations += memory.card.spilled;
}

}  // namespace

int packed_parts(const transformer::ForwardPlan& plan, int block,
                 linalg::ForwardPrecision precision) {
    const bool exact = std::ranges::all_of(plan.catalogue->matrices, [&](const auto& matrix) {
        return matrix.block != block ||
               plan.catalogue->tensor_of(matrix).scalar_type() == support::ScalarType::bfloat16;
    });
    return precision == linalg::ForwardPrecision::bf16x2 && !exact ? 2 : 1;
}

std::uint64_t held_weight_bytes(const transformer::ForwardPlan& plan, int block,
                                linalg::ForwardPrecision precision) {
    const std::uint64_t in_float = transformer::block_weight_bytes(plan, block);
    if (precision == linalg::ForwardPrecision::float32) {
        return in_float;
    }
    const auto parts = static_cast<std::uint64_t>(packed_parts(plan, block, precision));
    return in_float + in_float / sizeof(float) * 2 * parts;
}

std::uint64_t bytes_of_rank(const TeamPlan& teams, int threads, std::uint64_t bytes_of_sequence,
                            std::uint64_t bytes_of_team) {
    std::uint64_t most = 0;
    for (const TeamPlan::Kind& kind : teams.kinds) {
        const std::uint64_t of_team =
            static_cast<std::uint64_t>(kind.sequences) * bytes_of_sequence + bytes_of_team;
        most = std::max(most, of_team / static_cast<std::uint64_t>(kind.ranks));
    }
    return most + static_cast<std::uint64_t>(threads) * transformer::thread_scratch_bytes();
}

BlockWork block_work(const transformer::ForwardPlan& plan, int block, const RunTask& task,
                     const Cluster& cluster, const TeamPlan& teams) {
    BlockWork work;
    const bool on_card = cluster.has_card_a_rank();
    const auto sites = transformer::input_sites(plan, block);
    for (std::size_t site = 0; site < sites.size(); ++site) {
        const pruning::SiteWork at = site_work(*plan.catalogue, sites[site], task, cluster, teams);
        work.sites.push_back(at);
        const bool pruned = task.prunes_by_block() && !sites[site].matrices.empty();
        work.pruned.push_back(!pruned   ? pruning::SiteCost{}
                              : on_card ? pruning::card_cost_of(*task.pruner, at)
                                        : pruning::cost_of(*task.pruner, at));
        if (pruned && plan.block(block).sites[site].opens_mixture()) {
            pruning::SiteWork all = at;
            all.tokens = task.calibration.length;
            const pruning::SiteCost routed =
                pruning::routed_cost(*task.pruner, task.settings, all, on_card);
            work.routed.flops += routed.flops;
            work.routed.sum_flops += routed.sum_flops;
            work.routed.bytes_moved += routed.bytes_moved;
            work.routed.memory += routed.memory;
            work.routed.gathering_memory += routed.gathering_memory;
        }
    }
    return work;
}

CalibrationMemory calibration_memory(const model::Catalogue& catalogue, const RunTask& task,
                                     const Cluster& cluster) {
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    const TeamPlan teams = plan_teams(cluster, task.calibration.count());
    const bool on_card = cluster.has_card_a_rank();
    const std::optional<std::uint64_t> limit = limit_of_turns(cluster);
    CalibrationMemory memory = memory_of_passes(plan, task, cluster, teams);
    if (task.prunes_by_block()) {
        memory.delivery = delivery_memory(catalogue, cluster.ranks);
    }
    std::vector<BlockWork> blocks;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        blocks.push_back(block_work(plan, block, task, cluster, teams));
    }
    if (on_card && cluster.card_memory) {
        std::uint64_t at_once = 0;
        for (const BlockWork& work : blocks) {
            at_once = std::max(at_once, statistics_of(work, task, {}).memory);
        }
        spill_states(memory, *cluster.card_memory, at_once, teams.rounds());
    }
    const std::uint64_t passes =
        on_card ? memory.card.total() : memory.total() + program_memory(cluster);
    for (const BlockWork& work : blocks) {
        auto [turns, taken] = statistics_of(
            work, task, limit ? std::optional(*limit > passes ? *limit - passes : 0) : limit);
        std::uint64_t outliers = 0;
        for (const pruning::SiteWork& site : work.sites) {
            outliers += task.measures_outliers ? pruning::scoring_cost(site).memory : 0;
        }
        std::uint64_t& statistics = on_card ? memory.card.statistics : memory.statistics;
        statistics = std::max(statistics, taken);
        memory.statistics = std::max({memory.statistics, outliers,
                                      on_card ? sums_of_hosts(work, task.calibration.length) : 0});
        memory.turns.push_back(std::move(turns));
    }
    return memory;
}

}  // namespace alphaprune::planning
