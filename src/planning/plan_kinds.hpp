#pragma once

#include <vector>

#include "alphaprune/planning/plan_report.hpp"

namespace alphaprune::planning {

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

}  // namespace alphaprune::planning
