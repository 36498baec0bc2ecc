#include "forecast_parts.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "alphaprune/parallel/team.hpp"
#include "alphaprune/pruning/input_norms.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "alphaprune/transformer/perplexity.hpp"

namespace alphaprune::planning {
namespace {

// Time over that of the flops at SGEMM speed, and seconds of work on values, as measured on one
// core of a machine of today.
constexpr double kForward = 1.08;        // norms, rotations, what tiles pack anew
constexpr double kPackedSeconds = 1e-9;  // a weight rounded to bfloat16 and put in order
constexpr double kWidenedByteSeconds = 0.5e-9;
constexpr double kDeliveredSeconds = 6e-9;  // a weight narrowed, checked, summed and copied

/// What the ranks of a cluster do with sequences that are divided over teams of them.
class Forward {
  public:
    explicit Forward(const ForecastInputs& inputs)
        : catalogue_(inputs.catalogue),
          plan_(transformer::make_forward_plan(inputs.catalogue)),
          cluster_(inputs.cluster),
          node_ranks_(std::min(inputs.cluster.ranks, inputs.cluster.ranks_per_node)),
          threads_(inputs.task.threads),
          precision_(inputs.task.forward_precision),
          rates_(inputs.model.rates),
          card_(card_rates(rates_)),
          transfers_(inputs.transfers) {}

    const transformer::ForwardPlan& plan() const { return plan_; }
    int node_ranks() const { return node_ranks_; }

    int threads() const { return threads_; }
    bool on_cards() const { return cluster_.has_card_a_rank(); }
    TeamPlan teams_of(const SequenceShape& sequences) const {
        return plan_teams(cluster_, sequences.count());
    }
    double sgemm_seconds(double flops) const { return flops / (rates_.sgemm_gflops * 1e9); }

    /// Until the team that has most to do has computed all of its sequences.
    /// @param seconds_of_one  of a sequence on one core, when it is shared by so many
    template <class SecondsOfOne>
    double team_seconds(const TeamPlan& teams, SecondsOfOne seconds_of_one) const {
        double most = 0;
        for (const TeamPlan::Kind& kind : teams.kinds) {
            const int workers = kind.ranks * threads_;
            most = std::max(most, static_cast<double>(kind.sequences) * seconds_of_one(workers) *
                                      parallel::loss_of_sharing(workers) / workers);
        }
        return most;
    }
    /// Sequences of a length that go through a block, or as far as its last site.
    struct BlockSeconds {
        double run = 0;
        double observe = 0;
    };
    BlockSeconds block_seconds(int block, const TeamPlan& teams, std::int64_t tokens) const {
        if (on_cards()) {
            const auto sequences = static_cast<double>(teams.rounds());
            const auto seconds = [&](bool observes) {
                return sequences *
                       card_pass_seconds(plan_, block, tokens, precision_, card_, observes);
            };
            return {seconds(false), seconds(true)};
        }
        const double beside = sgemm_seconds(  // whatever the precision of the products
            (kForward - 1) * transformer::block_flops(plan_, block, tokens));
        const auto seconds = [&](bool observes) {
            return team_seconds(teams, [&](int workers) {
                const auto flops = transformer::shared_flops(plan_, block, tokens, workers);
                return beside + sgemm_seconds(flops.attention) +
                       product_seconds(block, flops.products - (observes ? flops.unobserved : 0));
            });
        };
        return {seconds(false), seconds(true)};
    }
    /// Tokens looked up, row by row, and brought to cards, beside whose work that counts. A row is
    /// read once for all of its tokens in a sequence.
    double embedding_seconds(const TeamPlan& teams, std::int64_t tokens) const {
        if (!on_cards() || plan_.embedding < 0) {
            return 0;
        }
        constexpr double kDifferent = 0.4;  // of the tokens of a text of 2048
        const auto each = static_cast<double>(tokens);
        const auto rows = kDifferent * each * static_cast<double>(teams.sequences);
        const double values = static_cast<double>(teams.rounds() * plan_.hidden_size()) * each;
        return transfers_.reading_seconds(
                   rows * static_cast<double>(plan_.tensor(plan_.embedding).row_bytes()),
                   threads_) +
               sizeof(float) * values / (card_.link_gbps * 1e9);
    }
    /// All of a team's sequences with a vocabulary. @param flops  of one
    double head_seconds(const TeamPlan& teams, double flops) const {
        if (on_cards()) {
            return static_cast<double>(teams.rounds()) *
                   card_head_seconds(flops, precision_, card_);
        }
        return team_seconds(teams,
                            [&](int /*workers*/) { return sgemm_seconds(kForward * flops); });
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
        return transfers_.reading_seconds(bytes * transfers_.nodes(), threads_) +
               kWidenedByteSeconds * bytes / node_ranks_ / (on_cards() ? threads_ : 1) +
               transfers_.message_seconds();
    }
    /// A block's weights in the memory of each node, or each card, as the products take them.
    double load_block_seconds(int block) const {
        if (on_cards()) {
            const double bytes = bytes_of(plan_.block(block).tensors);
            return load_seconds(bytes) + bytes / (card_.link_gbps * 1e9);
        }
        const double packed =
            precision_ == linalg::ForwardPrecision::float32
                ? 0
                : kPackedSeconds *
                      static_cast<double>(transformer::block_weight_bytes(plan_, block)) /
                      sizeof(float) / node_ranks_ / threads_;
        return load_seconds(bytes_of(plan_.block(block).tensors)) + packed;
    }

    /// Of hidden states that come to a card for each pass through a block, and go back after it.
    double visiting_seconds(const CalibrationMemory& memory) const {
        double visits = 0;
        for (const auto& turns : memory.turns) {
            visits += 2.0 + static_cast<double>(turns.size());
        }
        return visits * static_cast<double>(memory.card.spilled) / (card_.link_gbps * 1e9);
    }

    /// The work of a pruner at a site, by whom activations are with.
    double seconds_of(const pruning::SiteCost& cost) const {
        if (!on_cards()) {
            return processor_seconds_of(cost);
        }
        // Sums of several ranks: down, each node's added up in its memory, and up again.
        const double bytes = cost.bytes_summed_by_nodes;
        return card_seconds(cost, precision_, card_) + 2 * bytes / (card_.link_gbps * 1e9) +
               3 * bytes / (rates_.memory_gbps * 1e9 * threads_) + sum_seconds_of(cost);
    }
    /// Norms and scores of outliers: where there are cards, norms come with the pass.
    double scoring_seconds(pruning::SiteWork work) const {
        work.tokens = on_cards() ? 0 : work.tokens;
        return processor_seconds_of(pruning::scoring_cost(work));
    }
    BlockWork work_on(int block, const RunTask& task, const TeamPlan& teams) const {
        return block_work(plan_, block, task, cluster_, teams);
    }
    /// The pruned rows to where files are written from, and to all other nodes, where their ranks
    /// widen them, and cards.
    double delivery_seconds(const pruning::SiteWork& work) const {
        const double to_host =
            on_cards() ? work.bytes * (1.0 / cluster_.ranks + (cluster_.ranks > 1 ? 1 : 0)) /
                             (card_.link_gbps * 1e9)
                       : kDeliveredSeconds * work.weights / cluster_.ranks;
        return to_host + transfers_.gather_seconds(work.bytes) +
               (transfers_.nodes() > 1 ? kWidenedByteSeconds * work.bytes / node_ranks_ : 0) +
               work.matrices * transfers_.message_seconds();
    }

  private:
    double processor_seconds_of(const pruning::SiteCost& cost) const {
        return sgemm_seconds(cost.flops) + cost.bytes_moved / (rates_.memory_gbps * 1e9) +
               cost.seconds + sum_seconds_of(cost);
    }
    double sum_seconds_of(const pruning::SiteCost& cost) const {
        return (cost.bytes_summed > 0 ? transfers_.sum_seconds(cost.bytes_summed) : 0) +
               (cost.bytes_summed_by_nodes > 0
                    ? transfers_.sum_over_nodes_seconds(cost.bytes_summed_by_nodes)
                    : 0);
    }
    double product_seconds(int block, double flops) const {
        if (precision_ == linalg::ForwardPrecision::float32) {
            return sgemm_seconds(flops);
        }
        // In two parts: each of the activations' with the weights' first, one with their second.
        const int products = precision_ == linalg::ForwardPrecision::bf16
                                 ? 1
                                 : 1 + packed_parts(plan_, block, precision_);
        return products * flops / (rates_.bf16_gflops * 1e9);
    }

    const model::Catalogue& catalogue_;
    transformer::ForwardPlan plan_;
    const Cluster& cluster_;
    int node_ranks_;
    int threads_;
    linalg::ForwardPrecision precision_;
    MachineRates rates_;
    CardRates card_;
    const Transfers& transfers_;
};

/// A block on its way through the calibration passes: loaded, run, scored and pruned.
/// @param teams  of the task's calibration sequences
/// @param turns  in which its statistics are gathered
void add_block(const ForecastInputs& inputs, const Forward& forward, const RunTask& task,
               const TeamPlan& teams, int block, std::size_t turns, PhaseForecast& result) {
    const bool prunes = task.prunes_by_block();
    const int passes = (prunes ? 1 : 0) + (task.measures_outliers ? 1 : 0);
    // The dense model's states go through each block once; in steps the MLP is begun twice.
    const double more_runs = prunes && task.settings.outputs.any() ? 1.0 : 0.0;
    const double bytes = forward.bytes_of(forward.plan().block(block).tensors);
    const bool last = block + 1 == inputs.catalogue.blocks();
    const double load = forward.load_block_seconds(block);
    const auto [run, observe] = forward.block_seconds(block, teams, task.calibration.length);
    result.seconds += passes * (load + observe + (last ? 0 : run)) + more_runs * (load + run);
    result.bytes_read += passes * inputs.transfers.from_files(bytes * inputs.transfers.nodes());
    const BlockWork work = forward.work_on(block, task, teams);
    if (prunes) {
        result.seconds += static_cast<double>(turns - 1) * (1 + more_runs) * observe +
                          forward.seconds_of(work.routed);
    }
    for (std::size_t site = 0; site < work.sites.size(); ++site) {
        if (task.measures_outliers) {
            result.seconds += forward.scoring_seconds(work.sites[site]);
        }
        if (prunes) {
            result.seconds +=
                forward.delivery_seconds(work.sites[site]) + forward.seconds_of(work.pruned[site]);
        }
    }
}

/// One candidate: some blocks pruned, the scored sequences taken through the others.
PhaseForecast candidate_forecast(const ForecastInputs& inputs, const Forward& forward,
                                 const TrialTask& trial) {
    RunTask task = inputs.task;
    task.measures_outliers = false;
    task.calibration.number = std::min(trial.sequences, task.calibration.count());
    const TeamPlan teams = forward.teams_of(task.calibration);
    const TeamPlan scored =
        forward.teams_of({task.calibration.count() / 3, task.calibration.length});
    PhaseForecast result{Phase::trials, 0, 0, 0, 0};
    const int pruned = trial.blocks.value_or(inputs.catalogue.blocks());
    for (int block = 0; block < inputs.catalogue.blocks(); ++block) {
        if (block < pruned && task.prunes_by_block()) {
            add_block(inputs, forward, task, teams, block, 1, result);
        } else {
            const double bytes = forward.bytes_of(forward.plan().block(block).tensors);
            result.seconds += forward.load_block_seconds(block) +
                              forward.block_seconds(block, scored, task.calibration.length).run;
            result.bytes_read += inputs.transfers.from_files(bytes * inputs.transfers.nodes());
        }
    }
    return result;
}

}  // namespace

PhaseForecast calibration_forecast(const ForecastInputs& inputs) {
    const Forward forward(inputs);
    PhaseForecast result{Phase::calibrate, 0, 0, 0, 0};
    const CalibrationMemory memory =
        calibration_memory(inputs.catalogue, inputs.task, inputs.cluster);
    const TeamPlan teams = forward.teams_of(inputs.task.calibration);
    for (int block = 0; block < inputs.catalogue.blocks(); ++block) {
        add_block(inputs, forward, inputs.task, teams, block,
                  memory.turns[static_cast<std::size_t>(block)].size(), result);
    }
    const RunTask& task = inputs.task;
    const int models = (task.prunes_by_block() ? 1 : 0) + (task.measures_outliers ? 1 : 0) +
                       (task.prunes_by_block() && task.settings.outputs.any() ? 1 : 0);
    result.seconds += models * forward.embedding_seconds(teams, task.calibration.length);
    result.seconds += forward.visiting_seconds(memory);
    result.memory = memory.total();
    result.card = memory.card;
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
    const CalibrationMemory memory =
        calibration_memory(inputs.catalogue, inputs.task, inputs.cluster);
    result.memory = memory.total();
    result.card = memory.card;
    return result;
}

PhaseForecast evaluation_forecast(const ForecastInputs& inputs) {
    const auto& [catalogue, cluster, model, task, transfers] = inputs;
    const Forward forward(inputs);
    const transformer::ForwardPlan& plan = forward.plan();
    transformer::require_head(plan);
    const model::TensorInfo& vocabulary = plan.tensor(plan.vocabulary);
    const std::uint64_t vocabulary_in_float =
        static_cast<std::uint64_t>(vocabulary.rows() * vocabulary.row_length()) * sizeof(float);
    const transformer::PerplexitySettings limits;
    PhaseForecast result{Phase::evaluate, 0, 0, 0, 0};
    for (const SequenceShape& windows : task.evaluations) {
        const TeamPlan teams = forward.teams_of(windows);
        double bytes = static_cast<double>(vocabulary.bytes());
        double seconds =
            forward.embedding_seconds(teams, windows.length) + forward.load_seconds(bytes) +
            forward.head_seconds(teams, 2.0 * static_cast<double>(windows.length) *
                                            static_cast<double>(vocabulary.rows()) *
                                            static_cast<double>(vocabulary.row_length()));
        std::uint64_t weights = std::min(limits.vocabulary_bytes, vocabulary_in_float);
        for (int block = 0; block < catalogue.blocks(); ++block) {
            bytes += forward.bytes_of(plan.block(block).tensors);
            seconds += forward.load_block_seconds(block) +
                       forward.block_seconds(block, teams, windows.length).run;
            weights = std::max(weights, held_weight_bytes(plan, block, task.forward_precision));
        }
        result.seconds += task.evaluated_models * seconds;
        result.bytes_read +=
            task.evaluated_models * transfers.from_files(bytes * transfers.nodes());
        const std::uint64_t state =
            static_cast<std::uint64_t>(windows.length * plan.hidden_size()) * sizeof(float);
        const auto states = std::min(  // more of them take several passes
            static_cast<std::uint64_t>(teams.own_sequences() * static_cast<double>(state)),
            std::max(limits.state_bytes, state));
        if (forward.on_cards()) {
            RunTask plain = task;
            plain.settings.outputs = {};
            plain.sites_sequentially = false;
            const auto at_a_time = static_cast<std::int64_t>(limits.state_bytes / state);
            const CardMemory card = card_memory_of_passes(
                plan, plain, windows,
                std::clamp<std::int64_t>(teams.rounds(), 1, std::max<std::int64_t>(at_a_time, 1)));
            if (card.total() > result.card.total()) {
                result.card = card;
                result.card.scratch += std::min(limits.vocabulary_bytes, vocabulary_in_float);
            }
        }
        const auto threads = static_cast<std::uint64_t>(forward.threads());
        const std::uint64_t shared = weights / static_cast<std::uint64_t>(forward.node_ranks());
        result.memory = std::max(
            result.memory, shared + states + threads * transformer::loss_scratch_bytes() +
                               bytes_of_rank(teams, forward.threads(), 0,
                                             transformer::scratch_bytes(plan, windows.length)));
    }
    return result;
}

}  // namespace alphaprune::planning
