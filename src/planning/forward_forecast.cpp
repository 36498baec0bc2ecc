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

/// What a pruner has to do at a site.
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

/// Bytes of a rank for the sites of a block, which are pruned in their order: all of them gather
/// before the first is pruned, or each for itself.
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
    pruning::SiteWork work_at(const transformer::InputSite& site, const RunTask& task) const {
        return site_work(catalogue_, site, task, ranks_, node_ranks_);
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

}  // namespace

CalibrationMemory calibration_memory(const model::Catalogue& catalogue, const RunTask& task,
                                     int ranks, int node_ranks) {
    const transformer::ForwardPlan plan = transformer::make_forward_plan(catalogue);
    const model::TokenSequences& sequences = task.calibration;
    const std::int64_t own = parallel::share_of(sequences.count(), ranks, 0).size();
    const std::uint64_t streams = task.settings.outputs.any() ? 2 : 1;
    CalibrationMemory memory;
    std::int64_t kept = 0;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        const std::uint64_t weights = streams * transformer::block_weight_bytes(plan, block) /
                                      static_cast<std::uint64_t>(node_ranks);
        memory.weights = std::max(memory.weights, weights);
        kept = std::max(kept, transformer::kept_values(plan, block));
        std::vector<pruning::SiteCost> pruned;
        std::uint64_t outliers = 0;
        for (const transformer::InputSite& site : transformer::input_sites(plan, block)) {
            const pruning::SiteWork work = site_work(catalogue, site, task, ranks, node_ranks);
            if (task.prunes_by_block()) {
                pruned.push_back(pruning::cost_of(*task.pruner, work));
            }
            outliers += task.measures_outliers ? pruning::scoring_cost(work).memory : 0;
        }
        memory.statistics =
            std::max({memory.statistics, most_memory(pruned, task.sites_sequentially), outliers});
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

namespace {

/// A block on its way through the calibration passes: loaded, run, scored and pruned.
void add_block(const ForecastInputs& inputs, const Forward& forward, const RunTask& task, int block,
               PhaseForecast& result) {
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
    for (const transformer::InputSite& site : transformer::input_sites(forward.plan(), block)) {
        const pruning::SiteWork work = forward.work_at(site, task);
        if (task.measures_outliers) {
            result.seconds += forward.seconds_of(pruning::scoring_cost(work));
        }
        if (prunes) {
            result.seconds += forward.delivery_seconds(work.weights, site.matrices.size()) +
                              forward.seconds_of(pruning::cost_of(*task.pruner, work));
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
            add_block(inputs, forward, task, block, result);
        } else {
            const double bytes = forward.bytes_of(forward.plan().block(block).tensors);
            result.seconds += forward.load_seconds(bytes) + forward.run_seconds(block, scored);
            result.bytes_read += inputs.transfers.from_files(bytes * inputs.transfers.nodes());
        }
    }
    return result;
}

/// Bytes of a rank.
std::uint64_t memory_of_passes(const ForecastInputs& inputs, const Forward& forward) {
    return calibration_memory(inputs.catalogue, inputs.task, inputs.cluster.ranks,
                              forward.node_ranks())
        .total();
}

}  // namespace

PhaseForecast calibration_forecast(const ForecastInputs& inputs) {
    const Forward forward(inputs);
    PhaseForecast result{Phase::calibrate, 0, 0, 0, 0};
    for (int block = 0; block < inputs.catalogue.blocks(); ++block) {
        add_block(inputs, forward, inputs.task, block, result);
    }
    result.memory = memory_of_passes(inputs, forward);
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
    result.memory = memory_of_passes(inputs, forward);
    return result;
}

PhaseForecast evaluation_forecast(const ForecastInputs& inputs) {
    constexpr int kModels = 2;  // dense and pruned
    const auto& [catalogue, cluster, model, task, transfers] = inputs;
    const Forward forward(inputs);
    const transformer::ForwardPlan& plan = forward.plan();
    transformer::require_head(plan);
    const model::TensorInfo& vocabulary = plan.tensor(plan.vocabulary);
    const transformer::PerplexityLimits limits;
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
