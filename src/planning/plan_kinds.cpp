#include "plan_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "alphaprune/linalg/grid_shape.hpp"

namespace alphaprune::planning {

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

std::string group_text(linalg::Solver solver, int group_ranks, std::int64_t order) {
    if (!linalg::works_on_groups(solver) || solver == linalg::Solver::two_stage) {
        return fmt::format("{}", group_ranks);
    }
    const linalg::GridShape grid = linalg::near_square_grid(group_ranks, order);
    return fmt::format("{} x {}", grid.rows, grid.cols);
}

}  // namespace alphaprune::planning
