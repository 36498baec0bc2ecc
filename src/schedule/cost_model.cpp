#include "alphaprune/schedule/cost_model.hpp"

#include <algorithm>
#include <numeric>

namespace alphaprune {
namespace {

/// Time of the eigenvalues over that of 4/3·n³ operations at DGEMM speed, as measured at n = 2048
/// to 8192 (benchmarks/spectrum).
double eigenvalue_multiple(Solver solver) {
    switch (solver) {
        case Solver::lapack1:
            return 4.0;
        case Solver::lapack2:
            return 2.3;
        case Solver::two_stage:
            return 1.5;
        case Solver::elpa1:
            return 7.5;
        case Solver::elpa2:
            return 4.6;
        case Solver::scalapack:
            break;
    }
    return 7.0;
}

}  // namespace

double spectrum_cost(std::int64_t rows, std::int64_t cols, Solver solver) {
    const auto n = static_cast<double>(std::min(rows, cols));
    const auto k = static_cast<double>(std::max(rows, cols));
    return n * n * k + eigenvalue_multiple(solver) * 4.0 / 3.0 * n * n * n;
}

std::vector<int> longest_first(const Catalogue& catalogue) {
    std::vector<double> cost;
    for (const MatrixInfo& matrix : catalogue.matrices) {
        const Solver solver = best_serial_solver(std::min(matrix.rows, matrix.cols));
        cost.push_back(spectrum_cost(matrix.rows, matrix.cols, solver));
    }
    std::vector<int> order(catalogue.matrices.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](int a, int b) {
        return cost[static_cast<std::size_t>(a)] > cost[static_cast<std::size_t>(b)];
    });
    return order;
}

}  // namespace alphaprune
