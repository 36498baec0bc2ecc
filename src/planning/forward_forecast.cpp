#include "forecast_parts.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/pruning/input_norms.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "alphaprune/transformer/perplexity.hpp"

namespace alphaprune::planning {
namespace {

// Time over that of the flops at SGEMM speed, and seconds of work on values, as measured on one
// core of a machine of today.
constexpr double kForward = 1.2;
constexpr double kWidenedByteSeconds = 0.5e-9;
constexpr double kDeliveredSeconds = 6e-9;  // a weight narrowed, checked, summed and copied

/// What the ranks of a cluster do with sequences that are divided over them.
class Forward {
  public:
    explicit Forward(const ForecastInputs& inputs)
        : catalogue_(inputs.catalogue),
          plan_(transformer::make_forward_plan(inputs.catalogue)),
          ranks_(inputs.cluster.ranks),
          node_ranks_(std::min(inputs.cluster.ranks, inputs.cluster.ranks_per_node)),
          rates_(inputs.model.rates),
          transfers_(inputs.transfers) {}

    const transformer::ForwardPlan& plan() const { return plan_; }
    int node_ranks() const { return node_ranks_; }

    /// Sequences of the rank that has most.
    double rounds(const model::TokenSequences& sequences) const {
        return static_cast<double>(parallel::share_of(sequences.count(), ranks_, 0).size());
    }
    double sgemm_seconds(double flops) const { return flops / (rates_.sgemm_gflops * 1e9); }

    double run_seconds(int block, const model::TokenSequences& sequences) const {
        return rounds(sequences) *
               sgemm_seconds(kForward * transformer::block_flops(plan_, block, sequences.length));
    }
    double bytes_of(std::span<const int> tensors) const {
        double bytes = 0;
        for (const int tensor : tensors) {
            bytes +=
                static_cast<double>(catalogue_.tensors[static_cast<std::size_t>(tensor)].bytes());
        }
        return bytes;
    }
    /// Every node reads them, its ranks together.
    double load_seconds(double bytes) const {
        return transfers_.reading_seconds(bytes * transfers_.nodes()) +
               kWidenedByteSeconds * bytes / node_ranks_ + transfers_.message_seconds();
    }

    /// The work of a pruner at a site.
    double seconds_of(const pruning::SiteCost& cost) const {
        return sgemm_seconds(cost.flops) + cost.bytes_moved / (rates_.memory_gbps * 1e9) +
               cost.seconds +
               (cost.bytes_summed > 0 ? transfers_.sum_seconds(cost.bytes_summed) : 0) +
               (cost.bytes_broadcast > 0 ? transfers_.broadcast_seconds(cost.bytes_broadcast) : 0);
    }
    BlockWork work_on(int block, const RunTask& task) const {
        return block_work(plan_, block, task, ranks_, node_ranks_);
    }
    /// The pruned rows into files, and to all other nodes.
    double delivery_seconds(double weights, std::size_t matrices) const {
        return kDeliveredSeconds * weights / ranks_ +
               transfers_.broadcast_seconds(sizeof(float) * weights) +
               static_cast<double>(matrices) * ranks_per_broadcast();
    }

  private:
    /// Rows travel between nodes rank by rank.
    double ranks_per_broadcast() const {
        return transfers_.nodes() > 1 ? ranks_ * transfers_.message_seconds() : 0;
    }

    const model::Catalogue& catalogue_;
    transformer::ForwardPlan plan_;
    int ranks_;
    int node_ranks_;
    MachineRates rates_;
    const Transfers& transfers_;
};

/// A block on its way through the calibration passes: loaded, run, scored and pruned.
/// @param turns  in which its statistics are gathered
void add_block(const ForecastInputs& inputs, const Forward& forward, const RunTask& task, int block,
               std::size_t turns, PhaseForecast& result) {
    const model::TokenSequences& sequences = task.calibration;
    const bool prunes = task.prunes_by_block();
    const int passes = (prunes ? 1 : 0) + (task.measures_outliers ? 1 : 0);
    // The dense model's states go through each block once; in steps the MLP is begun twice.
    const double more_runs = prunes && task.settings.outputs.any() ? 1.0 : 0.0;
    const double bytes = forward.bytes_of(forward.plan().block(block).tensors);
    const bool last = block + 1 == inputs.catalogue.blocks();
    const double common =
        forward.load_seconds(bytes) + (last ? 1 : 2) * forward.run_seconds(block, sequences);
    result.seconds += passes * common + more_runs * (forward.load_seconds(bytes) +
                                                     forward.run_seconds(block, sequences));
    result.bytes_read += passes * inputs.transfers.from_files(bytes * inputs.transfers.nodes());
    const BlockWork work = forward.work_on(block, task);
    if (prunes) {
        result.seconds += static_cast<double>(turns - 1) * (1 + more_runs) *
                              forward.run_seconds(block, sequences) +
                          forward.seconds_of(work.routed);
    }
    for (std::size_t site = 0; site < work.sites.size(); ++site) {
        if (task.measures_outliers) {
            result.seconds += forward.seconds_of(pruning::scoring_cost(work.sites[site]));
        }
        if (prunes) {
            result.seconds +=
                forward.delivery_seconds(work.sites[site].weights, work.matrices[site]) +
                forward.seconds_of(work.pruned[site]);
        }
    }
}

/// One candidate: some blocks pruned, the scored sequences taken through the others.
PhaseForecast candidate_forecast(const ForecastInputs& inputs, const Forward& forward,
                                 const TrialTask& trial) {
    RunTask task = inputs.task;
    task.measures_outliers = false;
    const auto tokens_of = [&](std::int64_t sequences) {
        model::TokenSequences some{task.calibration.length, {}};
        some.ids.resize(static_cast<std::size_t>(sequences * some.length));
        return some;
    };
    task.calibration = tokens_of(std::min(trial.sequences, task.calibration.count()));
    const model::TokenSequences scored = tokens_of(task.calibration.count() / 3);
    PhaseForecast result{Phase::trials, 0, 0, 0, 0};
    const int pruned = trial.blocks.value_or(inputs.catalogue.blocks());
    for (int block = 0; block < inputs.catalogue.blocks(); ++block) {
        if (block < pruned && task.prunes_by_block()) {
            add_block(inputs, forward, task, block, 1, result);
        } else {
            const double bytes = forward.bytes_of(forward.plan().block(block).tensors);
            result.seconds += forward.load_seconds(bytes) + forward.run_seconds(block, scored);
            result.bytes_read += inputs.transfers.from_files(bytes * inputs.transfers.nodes());
        }
    }
    return result;
}

CalibrationMemory memory_of_passes(const ForecastInputs& inputs, const Forward& forward) {
    return calibration_memory(inputs.catalogue, inputs.task, inputs.cluster.ranks,
                              forward.node_ranks(), inputs.cluster.memory_per_rank);
}

}  // namespace

PhaseForecast calibration_forecast(const ForecastInputs& inputs) {
    const Forward forward(inputs);
    PhaseForecast result{Phase::calibrate, 0, 0, 0, 0};
    const CalibrationMemory memory = memory_of_passes(inputs, forward);
    for (int block = 0; block < inputs.catalogue.blocks(); ++block) {
        add_block(inputs, forward, inputs.task, block,
                  memory.turns[static_cast<std::size_t>(block)].size(), result);
    }
    result.memory = memory.total();
    return result;
}

PhaseForecast trials_forecast(const ForecastInputs& inputs) {
    const Forward forward(inputs);
    PhaseForecast result{Phase::trials, 0, 0, 0, 0};
    for (const TrialTask& trial : inputs.task.trials) {
        const PhaseForecast candidate = candidate_forecast(inputs, forward, trial);
        result.seconds += trial.candidates * candidate.seconds;
        result.bytes_read += trial.candidates * candidate.bytes_read;
    }
    // Groups try candidates side by side only where the memory suffices.
    result.memory = memory_of_passes(inputs, forward).total();
    return result;
}

PhaseForecast evaluation_forecast(const ForecastInputs& inputs) {
    constexpr int kModels = 2;  // dense and pruned
    const auto& [catalogue, cluster, model, task, transfers] = inputs;
    const Forward forward(inputs);
    const transformer::ForwardPlan& plan = forward.plan();
    transformer::require_head(plan);
    const model::TensorInfo& vocabulary = plan.tensor(plan.vocabulary);
    const transformer::PerplexitySettings limits;
    PhaseForecast result{Phase::evaluate, 0, 0, 0, 0};
    for (const model::TokenSequences& windows : task.evaluations) {
        double bytes = static_cast<double>(vocabulary.bytes());
        double seconds = forward.rounds(windows) * kForward *
                         forward.sgemm_seconds(2.0 * static_cast<double>(windows.length) *
                                               static_cast<double>(vocabulary.rows()) *
                                               static_cast<double>(vocabulary.row_length()));
        double weights = 0;
        for (int block = 0; block < catalogue.blocks(); ++block) {
            bytes += forward.bytes_of(plan.block(block).tensors);
            seconds += forward.run_seconds(block, windows);
            weights = std::max(weights,
                               static_cast<double>(transformer::block_weight_bytes(plan, block)));
        }
        result.seconds += kModels * (seconds + forward.load_seconds(bytes));
        result.bytes_read += kModels * transfers.from_files(bytes * transfers.nodes());
        const double states =
            std::min(static_cast<double>(limits.state_bytes),
                     forward.rounds(windows) *
                         static_cast<double>(sizeof(float) * windows.length * plan.hidden_size()));
        const double shared = std::max(weights, static_cast<double>(limits.vocabulary_bytes));
        result.memory = std::max(
            result.memory, static_cast<std::uint64_t>(states + shared / forward.node_ranks()) +
                               transformer::scratch_bytes(plan, windows.length));
    }
    return result;
}

}  // namespace alphaprune::planning
