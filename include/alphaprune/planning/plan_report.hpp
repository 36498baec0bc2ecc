#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/planning/forecast.hpp"
#include "alphaprune/planning/machine_rates.hpp"

namespace alphaprune::planning {

/// A run before it is: its model, its cluster, and what is asked of it.
struct PlannedRun {
    model::Catalogue catalogue;
    bool has_weights = true;  ///< they can be read, or made, here
    Cluster cluster;
    RunTask task;
};

/// Rates of the machine that is planned for, and how each is known.
struct KnownRates {
    struct Source {
        std::string what;  ///< "DGEMM"
        std::string unit;  ///< "GFLOP/s a core"
        double MachineRates::*rate;
        std::string how;  ///< "given", "measured here", "assumed"
    };

    MachineRates rates;
    std::vector<Source> sources;
};

/// A run of a sweep, without what all its runs share.
struct PlannedPoint {
    std::string name;
    RunForecast predicted;
};

/// Everything that `plan` has to say.
struct PlanReport {
    PlannedRun run;  ///< of a sweep, what its runs share
    KnownRates known;
    CostModel model;
    std::string calibrated_from;  ///< a folder; empty: by nothing
    RunForecast predicted;
    std::optional<int> useful_ranks;        ///< more gain nothing
    std::vector<PlannedPoint> points = {};  ///< of a sweep

    double seconds() const;
    std::uint64_t memory() const;  ///< bytes of a rank, at most
    double bytes_read() const;
    double bytes_written() const;
};

/// Planned matrices that are alike.
struct PlannedKind {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    int count = 0;
    int group_ranks = 1;
    PlannedMatrix matrix;  ///< one of them
};

/// All matrices of the plan, those of one shape in groups of one size together, in the order of the
/// stages.
std::vector<PlannedKind> kinds_of(const PlanReport& plan);

/// As tables for people.
std::string plan_table(const PlanReport& plan);
/// As a document, schema version 1.
formats::Json plan_json(const PlanReport& plan);

}  // namespace alphaprune::planning
