#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "alphaprune/formats/json.hpp"
#include "plan_rates.hpp"
#include "planned_run.hpp"

namespace alphaprune {

/// Everything that `plan` has to say.
struct PlanReport {
    PlannedRun run;
    KnownRates known;
    CostModel model;
    std::string calibrated_from;  ///< a folder; empty: by nothing
    RunForecast predicted;
    std::optional<int> useful_ranks;  ///< more gain nothing
};

/// As tables for people.
std::string plan_table(const PlanReport& plan);
/// As a document, schema version 1.
Json plan_json(const PlanReport& plan);

/// Ranks of a group as "1", "8", or a grid "2 x 4".
std::string group_text(Solver solver, int group_ranks, std::int64_t order);

}  // namespace alphaprune
