#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/planning/plan_report.hpp"
#include "alphaprune/planning/team_plan.hpp"
#include "alphaprune/support/clock.hpp"
#include "alphaprune/support/machine.hpp"

namespace alphaprune::planning {
namespace {

std::string plural(std::int64_t count, std::string_view word, std::string_view end_of_one = "",
                   std::string_view end_of_many = "s") {
    return fmt::format("{} {}{}", count, word, count == 1 ? end_of_one : end_of_many);
}

std::string bytes_text(double bytes) {
    return bytes > 0 ? support::human_bytes(static_cast<std::uint64_t>(bytes)) : "-";
}

/// Seconds as a person compares them: three digits.
std::string seconds_text(double seconds) {
    return seconds < 60 ? fmt::format("{:.3g} s", seconds) : support::human_duration(seconds);
}

std::string header_part(const PlanReport& plan) {
    const model::Catalogue& catalogue = plan.run.catalogue;
    const Cluster& cluster = plan.run.cluster;
    const int nodes = (cluster.ranks + cluster.ranks_per_node - 1) / cluster.ranks_per_node;
    std::string text = fmt::format(
        "{}: {}, {}, {:.4g} billion weights in them, {} in all\n", catalogue.model_name,
        plural(static_cast<std::int64_t>(catalogue.prunable_blocks().size()), "block"),
        plural(static_cast<std::int64_t>(catalogue.matrices.size()), "prunable matri", "x", "ces"),
        static_cast<double>(catalogue.prunable_parameters()) / 1e9,
        support::human_bytes(catalogue.bytes()));
    text += fmt::format("{} on {}, {} per node; memory: {}\n", plural(cluster.ranks, "rank"),
                        plural(nodes, "node"), cluster.ranks_per_node,
                        cluster.memory_per_rank
                            ? support::human_bytes(*cluster.memory_per_rank) + " per rank"
                            : std::string("no limit given"));
    if (cluster.cards_per_node > 0) {
        text += fmt::format(
            "{} per node{}; activations on {}\n", plural(cluster.cards_per_node, "graphics card"),
            cluster.card_memory ? " of " + support::human_bytes(*cluster.card_memory)
                                : std::string(),
            cluster.has_card_a_rank() ? "cards" : "processors");
    }
    return text;
}

std::string rates_part(const PlanReport& plan) {
    std::string text = "\nrates\n";
    for (const KnownRates::Source& source : plan.known.sources) {
        text += fmt::format("  {:<13} {:>8.4g} {:<16} {}\n", source.what,
                            plan.known.rates.*source.rate, source.unit, source.how);
    }
    if (!plan.calibrated_from.empty()) {
        text += fmt::format("  corrected by the times of the run in {}\n", plan.calibrated_from);
    }
    return text;
}

/// Ranks of a group as "1", "8", or a grid "2 x 4".
std::string group_text(linalg::Solver solver, int group_ranks, std::int64_t order) {
    if (!spans_nodes(solver)) {
        return fmt::format("{}", group_ranks);
    }
    const linalg::GridShape grid = linalg::near_square_grid(group_ranks, order);
    return fmt::format("{} x {}", grid.rows, grid.cols);
}

std::string matrices_part(const PlanReport& plan) {
    const ShardPlan& spectra = plan.predicted.spectra;
    if (spectra.stages.empty()) {
        return "";
    }
    std::string text = fmt::format("\n{:<17} {:>8}  {:<10} {:>7} {:>12} {:>14}\n", "matrix",
                                   "count", "solver", "ranks", "seconds", "memory per rank");
    for (const PlannedKind& kind : kinds_of(plan)) {
        text += fmt::format(
            "{:<17} {:>8}  {:<10} {:>7} {:>12.4g} {:>14}\n",
            fmt::format("{} x {}", kind.rows, kind.cols), kind.count,
            linalg::name_of(kind.matrix.solver),
            group_text(kind.matrix.solver, kind.group_ranks, std::min(kind.rows, kind.cols)),
            kind.matrix.seconds, support::human_bytes(kind.matrix.memory));
    }
    const bool on_cards = spectra.stages.front().matrices.front().solver == linalg::Solver::cuda;
    const Cluster workers = on_cards ? with_cards_as_ranks(plan.run.cluster)
                                     : with_threads_as_ranks(plan.run.cluster, spectra.threads);
    const std::string_view worker = on_cards ? "card" : spectra.threads > 1 ? "thread" : "rank";
    int number = 0;
    for (const ShardStage& stage : spectra.stages) {
        const auto groups = spectra.across_nodes
                                ? (workers.ranks + stage.group_ranks - 1) / stage.group_ranks
                                : groups_of(workers, stage.group_ranks);
        text += fmt::format(
            "stage {}: {}, {} of {}\n", ++number,
            plural(static_cast<std::int64_t>(stage.matrices.size()), "matri", "x", "ces"),
            plural(groups, "group"), plural(stage.group_ranks, worker));
    }
    text +=
        fmt::format("load balance {:.2f}: mean over longest time that a rank works on spectra\n",
                    spectra.balance);
    return text;
}

/// "128 calibration sequences by 128 teams of 4 ranks": who computes them at the same time.
std::string teams_text(const PlanReport& plan, std::string_view what, std::int64_t sequences) {
    const TeamPlan teams = plan_teams(plan.run.cluster, sequences);
    const std::int64_t working = std::min<std::int64_t>(teams.teams, sequences);
    const std::string ranks =
        teams.least_ranks() == teams.most_ranks()
            ? plural(teams.most_ranks(), "rank")
            : fmt::format("{} to {} ranks", teams.least_ranks(), teams.most_ranks());
    const int threads = plan.run.task.threads;
    std::string text =
        fmt::format("{} by {} of {}{}", plural(sequences, what), plural(working, "team"), ranks,
                    threads > 1 ? fmt::format(" with {} threads", threads) : "");
    if (teams.rounds() > 1) {
        text += fmt::format(", at most {} each", teams.rounds());
    }
    return text + "\n";
}

std::string teams_part(const PlanReport& plan) {
    const RunTask& task = plan.run.task;
    std::string text;
    if (task.calibration.count() > 0) {
        text += teams_text(plan, "calibration sequence", task.calibration.count());
    }
    for (const SequenceShape& windows : task.evaluations) {
        text += teams_text(plan, "evaluation window", windows.count());
    }
    return text.empty() ? text : "\n" + text;
}

std::string cost_line(std::string_view name, std::size_t width, const auto& cost) {
    return fmt::format("{:<{}} {:>14} {:>14} {:>10} {:>10}\n", name, width,
                       seconds_text(cost.seconds()), support::human_bytes(cost.memory()),
                       bytes_text(cost.bytes_read()), bytes_text(cost.bytes_written()));
}

/// "calibrate: 31.2 GiB of a card's memory; weights 1.6 GiB, …", and whether that is too much.
std::string cards_text(std::string_view name, const RunForecast& predicted,
                       const Cluster& cluster) {
    std::string text;
    for (const PhaseForecast& phase : predicted.phases) {
        if (const CardMemory& card = phase.card; card.total() > 0) {
            text += fmt::format(
                "{}{}: {} of a card's memory: weights {}, hidden states {}, one "
                "sequence {}, statistics {}{}\n",
                name, name_of(phase.phase), support::human_bytes(card.total()),
                support::human_bytes(card.weights), support::human_bytes(card.states),
                support::human_bytes(card.scratch), support::human_bytes(card.statistics),
                card.spilled == 0 ? ""
                                  : fmt::format("; {} of hidden states in the node's memory",
                                                support::human_bytes(card.spilled)));
            if (cluster.card_memory && card.total() > *cluster.card_memory) {
                text += fmt::format(
                    "  more than the {} that a card has: use more cards, fewer or "
                    "shorter sequences\n",
                    support::human_bytes(*cluster.card_memory));
            }
        }
    }
    return text;
}

std::string cards_part(const PlanReport& plan) {
    const Cluster& cluster = plan.run.cluster;
    std::string text = cards_text("", plan.predicted, cluster);
    for (const PlannedPoint& point : plan.points) {
        text += cards_text(point.name + ", ", point.predicted, cluster);
    }
    return text.empty() ? text : "\n" + text;
}

std::string phases_part(const PlanReport& plan) {
    std::size_t width = 17;
    for (const PlannedPoint& point : plan.points) {
        width = std::max(width, point.name.size());
    }
    std::string text = fmt::format("\n{:<{}} {:>14} {:>14} {:>10} {:>10}\n",
                                   plan.points.empty() ? "phase" : "once for all runs", width,
                                   "time", "memory per rank", "read", "written");
    for (const PhaseForecast& phase : plan.predicted.phases) {
        text += cost_line(name_of(phase.phase), width, RunForecast{{}, {phase}});
    }
    if (!plan.points.empty()) {
        text += "run\n";
        for (const PlannedPoint& point : plan.points) {
            text += cost_line(point.name, width, point.predicted);
        }
    }
    text += cost_line("whole", width, plan);
    text += plan.useful_ranks
                ? fmt::format("more than {} gain nothing: twice as many less than 5 %\n",
                              plural(*plan.useful_ranks, "rank"))
                : std::string("as far as was looked, twice as many ranks always gain\n");
    return text;
}

}  // namespace

std::vector<PlannedKind> kinds_of(const PlanReport& plan) {
    std::vector<PlannedKind> kinds;
    for (const ShardStage& stage : plan.predicted.spectra.stages) {
        for (const PlannedMatrix& planned : stage.matrices) {
            const model::MatrixInfo& matrix =
                plan.run.catalogue.matrices[static_cast<std::size_t>(planned.matrix)];
            const auto known = std::ranges::find_if(kinds, [&](const PlannedKind& kind) {
                return kind.rows == matrix.rows && kind.cols == matrix.cols &&
                       kind.group_ranks == stage.group_ranks &&
                       kind.matrix.memory == planned.memory;
            });
            if (known == kinds.end()) {
                kinds.push_back({matrix.rows, matrix.cols, 1, stage.group_ranks, planned});
            } else {
                ++known->count;
            }
        }
    }
    return kinds;
}

double PlanReport::seconds() const {
    return std::accumulate(
        points.begin(), points.end(), predicted.seconds(),
        [](double sum, const auto& point) { return sum + point.predicted.seconds(); });
}

std::uint64_t PlanReport::memory() const {
    std::uint64_t most = predicted.memory();
    for (const PlannedPoint& point : points) {
        most = std::max(most, point.predicted.memory());
    }
    return most;
}

double PlanReport::bytes_read() const {
    return std::accumulate(
        points.begin(), points.end(), predicted.bytes_read(),
        [](double sum, const auto& point) { return sum + point.predicted.bytes_read(); });
}

double PlanReport::bytes_written() const {
    return std::accumulate(
        points.begin(), points.end(), predicted.bytes_written(),
        [](double sum, const auto& point) { return sum + point.predicted.bytes_written(); });
}

std::string plan_table(const PlanReport& plan) {
    return header_part(plan) + rates_part(plan) + matrices_part(plan) + teams_part(plan) +
           cards_part(plan) + phases_part(plan);
}

}  // namespace alphaprune::planning
