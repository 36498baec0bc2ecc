#include <algorithm>

#include "alphaprune/linalg/grid_shape.hpp"
#include "plan_kinds.hpp"
#include "plan_report.hpp"

namespace alphaprune {
namespace {

Json count(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

template <class Value>
Json or_null(const std::optional<Value>& value) {
    return value ? Json(static_cast<std::int64_t>(*value)) : Json();
}

Json model_json(const Catalogue& catalogue) {
    return Json::Object{
        {"name", catalogue.model_name},
        {"family", catalogue.family},
        {"blocks", static_cast<std::int64_t>(catalogue.prunable_blocks().size())},
        {"matrices", static_cast<std::int64_t>(catalogue.matrices.size())},
        {"prunable_parameters", catalogue.prunable_parameters()},
        {"bytes", count(catalogue.bytes())},
    };
}

Json cluster_json(const Cluster& cluster) {
    return Json::Object{
        {"ranks", cluster.ranks},
        {"ranks_per_node", cluster.ranks_per_node},
        {"memory_per_rank", or_null(cluster.memory_per_rank)},
    };
}

Json rates_json(const PlanReport& plan) {
    Json::Array rates;
    for (const KnownRates::Source& source : plan.known.sources) {
        rates.push_back(Json::Object{
            {"name", source.what},
            {"value", plan.known.rates.*source.rate},
            {"unit", source.unit},
            {"known", source.how},
        });
    }
    return rates;
}

/// Solvers without a grid of ranks have none.
Json grid_json(const PlannedKind& kind) {
    if (!works_on_groups(kind.matrix.solver) || kind.matrix.solver == Solver::two_stage) {
        return {};
    }
    const GridShape grid = near_square_grid(kind.group_ranks, std::min(kind.rows, kind.cols));
    return Json::Array{grid.rows, grid.cols};
}

Json matrices_json(const PlanReport& plan) {
    Json::Array matrices;
    for (const PlannedKind& kind : kinds_of(plan)) {
        matrices.push_back(Json::Object{
            {"rows", kind.rows},
            {"cols", kind.cols},
            {"count", kind.count},
            {"solver", name_of(kind.matrix.solver)},
            {"group_ranks", kind.group_ranks},
            {"grid", grid_json(kind)},
            {"seconds", kind.matrix.seconds},
            {"memory_per_rank", count(kind.matrix.memory)},
        });
    }
    return matrices;
}

Json stages_json(const ShardPlan& spectra) {
    Json::Array stages;
    for (const ShardStage& stage : spectra.stages) {
        stages.push_back(Json::Object{
            {"group_ranks", stage.group_ranks},
            {"matrices", static_cast<std::int64_t>(stage.matrices.size())},
        });
    }
    return stages;
}

Json phases_json(const RunForecast& predicted) {
    Json::Array phases;
    for (const PhaseForecast& phase : predicted.phases) {
        phases.push_back(Json::Object{
            {"name", name_of(phase.phase)},
            {"seconds", phase.seconds},
            {"memory_per_rank", count(phase.memory)},
            {"bytes_read", phase.bytes_read},
            {"bytes_written", phase.bytes_written},
        });
    }
    return phases;
}

}  // namespace

Json plan_json(const PlanReport& plan) {
    const RunForecast& predicted = plan.predicted;
    return Json::Object{
        {"schema_version", 1},
        {"model", model_json(plan.run.catalogue)},
        {"cluster", cluster_json(plan.run.cluster)},
        {"rates", rates_json(plan)},
        {"calibrated_from", plan.calibrated_from.empty() ? Json() : Json(plan.calibrated_from)},
        {"matrices", matrices_json(plan)},
        {"stages", stages_json(predicted.spectra)},
        {"load_balance", predicted.spectra.balance},
        {"phases", phases_json(predicted)},
        {"seconds", predicted.seconds()},
        {"memory_per_rank", count(predicted.memory())},
        {"useful_ranks", or_null(plan.useful_ranks)},
    };
}

}  // namespace alphaprune
