#include <algorithm>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/planning/plan_report.hpp"
#include "alphaprune/planning/team_plan.hpp"

namespace alphaprune::planning {
namespace {

formats::Json count(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

template <class Value>
formats::Json or_null(const std::optional<Value>& value) {
    return value ? formats::Json(static_cast<std::int64_t>(*value)) : formats::Json();
}

formats::Json model_json(const model::Catalogue& catalogue) {
    return formats::Json::Object{
        {"name", catalogue.model_name},
        {"family", catalogue.family},
        {"blocks", static_cast<std::int64_t>(catalogue.prunable_blocks().size())},
        {"matrices", static_cast<std::int64_t>(catalogue.matrices.size())},
        {"prunable_parameters", catalogue.prunable_parameters()},
        {"bytes", count(catalogue.bytes())},
    };
}

formats::Json cluster_json(const Cluster& cluster) {
    formats::Json::Object object{
        {"ranks", cluster.ranks},
        {"ranks_per_node", cluster.ranks_per_node},
        {"memory_per_rank", or_null(cluster.memory_per_rank)},
    };
    if (cluster.cards_per_node > 0) {
        object.emplace_back("cards_per_node", cluster.cards_per_node);
        object.emplace_back("card_memory", or_null(cluster.card_memory));
    }
    return object;
}

/// Where activations are on cards.
formats::Json card_json(const CardMemory& card) {
    return formats::Json::Object{
        {"weights", count(card.weights)},        {"states", count(card.states)},
        {"scratch", count(card.scratch)},        {"statistics", count(card.statistics)},
        {"spilled_states", count(card.spilled)},
    };
}

formats::Json rates_json(const PlanReport& plan) {
    formats::Json::Array rates;
    for (const KnownRates::Source& source : plan.known.sources) {
        rates.push_back(formats::Json::Object{
            {"name", source.what},
            {"value", plan.known.rates.*source.rate},
            {"unit", source.unit},
            {"known", source.how},
        });
    }
    return rates;
}

/// Solvers without a grid of ranks have none.
formats::Json grid_json(const PlannedKind& kind) {
    if (!spans_nodes(kind.matrix.solver)) {
        return {};
    }
    const linalg::GridShape grid =
        linalg::near_square_grid(kind.group_ranks, std::min(kind.rows, kind.cols));
    return formats::Json::Array{grid.rows, grid.cols};
}

formats::Json matrices_json(const PlanReport& plan) {
    formats::Json::Array matrices;
    for (const PlannedKind& kind : kinds_of(plan)) {
        matrices.push_back(formats::Json::Object{
            {"rows", kind.rows},
            {"cols", kind.cols},
            {"count", kind.count},
            {"solver", linalg::name_of(kind.matrix.solver)},
            {"group_ranks", kind.group_ranks},
            {"grid", grid_json(kind)},
            {"seconds", kind.matrix.seconds},
            {"memory_per_rank", count(kind.matrix.memory)},
        });
    }
    return matrices;
}

formats::Json stages_json(const ShardPlan& spectra) {
    formats::Json::Array stages;
    for (const ShardStage& stage : spectra.stages) {
        stages.push_back(formats::Json::Object{
            {"group_ranks", stage.group_ranks},
            {"matrices", static_cast<std::int64_t>(stage.matrices.size())},
        });
    }
    return stages;
}

/// Of the calibration sequences; null without any.
formats::Json teams_json(const PlannedRun& run) {
    const std::int64_t sequences = run.task.calibration.count();
    if (sequences == 0) {
        return {};
    }
    const TeamPlan teams = plan_teams(run.cluster, sequences);
    return formats::Json::Object{
        {"sequences", sequences},
        {"teams", std::min<std::int64_t>(teams.teams, sequences)},
        {"least_ranks", teams.least_ranks()},
        {"most_ranks", teams.most_ranks()},
        {"threads_per_rank", run.task.threads},
        {"sequences_per_team", teams.rounds()},
    };
}

formats::Json phases_json(const RunForecast& predicted) {
    formats::Json::Array phases;
    for (const PhaseForecast& phase : predicted.phases) {
        formats::Json::Object object{
            {"name", name_of(phase.phase)},           {"seconds", phase.seconds},
            {"memory_per_rank", count(phase.memory)}, {"bytes_read", phase.bytes_read},
            {"bytes_written", phase.bytes_written},
        };
        if (phase.card.total() > 0) {
            object.emplace_back("card_memory", card_json(phase.card));
        }
        phases.push_back(std::move(object));
    }
    return phases;
}

/// Of a sweep.
formats::Json runs_json(const PlanReport& plan) {
    formats::Json::Array runs;
    for (const PlannedPoint& point : plan.points) {
        runs.push_back(formats::Json::Object{
            {"name", point.name},
            {"phases", phases_json(point.predicted)},
            {"seconds", point.predicted.seconds()},
            {"memory_per_rank", count(point.predicted.memory())},
        });
    }
    return runs;
}

}  // namespace

formats::Json plan_json(const PlanReport& plan) {
    const RunForecast& predicted = plan.predicted;
    formats::Json::Object document{
        {"schema_version", 1},
        {"model", model_json(plan.run.catalogue)},
        {"cluster", cluster_json(plan.run.cluster)},
        {"rates", rates_json(plan)},
        {"calibrated_from",
         plan.calibrated_from.empty() ? formats::Json() : formats::Json(plan.calibrated_from)},
        {"matrices", matrices_json(plan)},
        {"stages", stages_json(predicted.spectra)},
        {"load_balance", predicted.spectra.balance},
        {"teams", teams_json(plan.run)},
        {"phases", phases_json(predicted)},
        {"seconds", plan.seconds()},
        {"memory_per_rank", count(plan.memory())},
        {"useful_ranks", or_null(plan.useful_ranks)},
    };
    if (!plan.points.empty()) {
        document.emplace_back("runs", runs_json(plan));
    }
    return document;
}

}  // namespace alphaprune::planning
