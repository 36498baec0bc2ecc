#pragma once

#include <cstddef>
#include <vector>

#include "alphaprune/planning/cost_model.hpp"
#include "alphaprune/planning/forecast.hpp"
#include "alphaprune/planning/shard_plan.hpp"
#include "alphaprune/planning/team_plan.hpp"
#include "alphaprune/transformer/forward_plan.hpp"

namespace alphaprune::planning {

/// How long bytes are under way between a cluster's nodes and files, and between its ranks.
class Transfers {
  public:
    Transfers(const Cluster& cluster, const CostModel& model);

    int nodes() const { return nodes_; }
    /// Weights that all nodes together read, or make.
    /// @param threads  of each rank, that make synthetic weights
    double reading_seconds(double bytes, int threads = 1) const;
    double writing_seconds(double bytes) const;
    /// Bytes that files deliver when so many are read: none of synthetic weights.
    double from_files(double bytes) const { return generated_ ? 0 : bytes; }

    /// A few numbers agreed on by all ranks.
    double message_seconds() const;
    /// So many bytes summed up over all ranks.
    double sum_seconds(double bytes) const;
    /// So many bytes that each node holds summed up over the nodes, by one rank of each.
    double sum_over_nodes_seconds(double bytes) const;
    /// So many bytes, a part of them on each node, brought to all nodes.
    double gather_seconds(double bytes) const;

  private:
    MachineRates rates_;
    bool generated_;
    int ranks_;
    int nodes_;
};

/// What a forecast is made from.
struct ForecastInputs {
    const model::Catalogue& catalogue;
    const Cluster& cluster;
    const CostModel& model;
    const RunTask& task;
    Transfers transfers = {cluster, model};
};

/// What a pruner has to do in a block.
struct BlockWork {
    std::vector<pruning::SiteWork> sites;   ///< of transformer::input_sites
    std::vector<pruning::SiteCost> pruned;  ///< costs of a site, of cards where activations are
                                            ///< there; nothing where it stays dense
    pruning::SiteCost routed;  ///< of what its mixtures of experts divide, beside those
};
/// @param teams  that share the calibration sequences
BlockWork block_work(const transformer::ForwardPlan& plan, int block, const RunTask& task,
                     const Cluster& cluster, const TeamPlan& teams);

/// How many bfloat16 values hold a weight of a block when products are computed in those: two where
/// some of its matrices are stored in another type, and the precision asks for all of them.
int packed_parts(const transformer::ForwardPlan& plan, int block,
                 linalg::ForwardPrecision precision);
/// Bytes of a block's weights on a node, as the products take them.
std::uint64_t held_weight_bytes(const transformer::ForwardPlan& plan, int block,
                                linalg::ForwardPrecision precision);
/// Bytes of a rank for the states of its team's sequences, and what is used for one at a time: the
/// rank that needs most.
/// @param bytes_of_sequence  that the team keeps of each
/// @param bytes_of_team      and once
std::uint64_t bytes_of_rank(const TeamPlan& teams, int threads, std::uint64_t bytes_of_sequence,
                            std::uint64_t bytes_of_team);

/// Seconds in which a card takes a sequence through a block, or as far as its last site.
double card_pass_seconds(const transformer::ForwardPlan& plan, int block, std::int64_t tokens,
                         linalg::ForwardPrecision precision, const CardRates& card, bool observes);
/// Of products with a vocabulary.
double card_head_seconds(double flops, linalg::ForwardPrecision precision, const CardRates& card);
/// What a card does of a site's work.
double card_seconds(const pruning::SiteCost& cost, linalg::ForwardPrecision precision,
                    const CardRates& card);
/// All but the statistics. @param own_sequences  of a rank
CardMemory card_memory_of_passes(const transformer::ForwardPlan& plan, const RunTask& task,
                                 const SequenceShape& sequences, std::int64_t own_sequences);

/// Time and memory of what runs the model forward. @throws Error when it has no forward pass
PhaseForecast calibration_forecast(const ForecastInputs& inputs);
PhaseForecast trials_forecast(const ForecastInputs& inputs);
/// All texts, on the dense and on the pruned model.
PhaseForecast evaluation_forecast(const ForecastInputs& inputs);

}  // namespace alphaprune::planning
