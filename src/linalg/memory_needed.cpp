#include <algorithm>

#include "alphaprune/linalg/spectral_backend.hpp"
#include "backends.hpp"
#include "blacs_grid.hpp"
#include "distributed_gram.hpp"
#include "gram.hpp"
#include "symmetric_eigenvalues.hpp"

namespace alphaprune::linalg {
namespace {

/// float64 values at most alive at once in the Gram product and in the solver, on one rank.
double serial_values(Solver solver, double order, double depth) {
    const auto n = static_cast<std::int64_t>(order);
    const double panel = order * std::min(static_cast<double>(local_panel_depth(n)), depth);
    const double band = bandwidth_for(n) + 1;
    // The band, the two stages' work space (a few bands) and the tridiagonal form; dsyevd has one
    // block of columns.
    const double work = solver == Solver::lapack2 ? 4 * band * order : 64 * order;
    return order * order + std::max(panel, work);
}

double group_values(Solver solver, int ranks, double order, double depth) {
    const GridShape grid = near_square_grid(ranks, static_cast<std::int64_t>(order));
    const double share = order * order / grid.ranks();
    const double panel = order * std::min<double>(kGroupPanelDepth, depth) / grid.ranks();
    const double product = share + panel + order * kSlabRows;
    // As measured at orders 1000 and 2000 on 1 to 4 ranks; pdsyev works in place.
    switch (solver) {
        case Solver::elpa1:
            return std::max(product, 4.0 * share + 384 * order);
        case Solver::elpa2:
            return std::max(product, 4.3 * share + 704 * order);
        default:
            return product + 64 * order;
    }
}

}  // namespace

std::uint64_t memory_needed(Solver solver, int group_ranks, std::int64_t rows, std::int64_t cols) {
    if (solver == Solver::two_stage) {
        return two_stage_memory(group_ranks, std::min(rows, cols), std::max(rows, cols));
    }
    const auto order = static_cast<double>(std::min(rows, cols));
    const auto depth = static_cast<double>(std::max(rows, cols));
    const double values = works_on_groups(solver) ? group_values(solver, group_ranks, order, depth)
                                                  : serial_values(solver, order, depth);
    return static_cast<std::uint64_t>(values * sizeof(double));
}

}  // namespace alphaprune::linalg
