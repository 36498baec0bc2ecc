#include "alphaprune/planning/farms_plan.hpp"

#include <algorithm>
#include <numeric>

#include "alphaprune/planning/cost_model.hpp"

namespace alphaprune::planning {
namespace {

constexpr double kWorthAsking = 2e9;  // operations: some hundredths of a second
constexpr std::size_t kBatchesPerRank = 8;

/// Matrices in the order of the cost of their windows; equals in model order.
std::vector<int> costliest_first(const FarmsPlan& plan) {
    std::vector<double> cost;
    for (const auto& windows : plan.windows) {
        cost.push_back(windows.empty() ? 0 : window_cost(windows.front()));
    }
    std::vector<int> order(plan.windows.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](int a, int b) {
        return cost[static_cast<std::size_t>(a)] > cost[static_cast<std::size_t>(b)];
    });
    return order;
}

/// The windows are those of the layer's outputs × inputs, however the matrix is stored.
std::vector<linalg::Rectangle> windows_in(const model::MatrixInfo& matrix,
                                          const spectrum::FarmsOptions& options) {
    if (!matrix.transposed) {
        return spectrum::farms_windows(matrix.rows, matrix.cols, options);
    }
    std::vector<linalg::Rectangle> windows =
        spectrum::farms_windows(matrix.cols, matrix.rows, options);
    for (linalg::Rectangle& window : windows) {
        window = {window.col_begin, window.col_end, window.row_begin, window.row_end};
    }
    return windows;
}

}  // namespace

double window_cost(const linalg::Rectangle& window) {
    const linalg::Solver solver =
        linalg::best_serial_solver(std::min(window.rows(), window.cols()));
    return spectrum_cost(window.rows(), window.cols(), solver);
}

std::size_t FarmsPlan::total_windows() const {
    return std::transform_reduce(windows.begin(), windows.end(), std::size_t{0}, std::plus<>(),
                                 [](const auto& of_matrix) { return of_matrix.size(); });
}

std::size_t FarmsPlan::windows_to_do() const {
    return std::transform_reduce(batches.begin(), batches.end(), std::size_t{0}, std::plus<>(),
                                 [](const WindowBatch& batch) { return batch.last - batch.first; });
}

std::size_t FarmsPlan::pool_size(int matrix) const {
    const auto& all = windows[static_cast<std::size_t>(matrix)];
    return all.empty()
               ? 0
               : all.size() *
                     static_cast<std::size_t>(std::min(all.front().rows(), all.front().cols()));
}

FarmsPlan plan_farms(const model::Catalogue& catalogue, const spectrum::FarmsOptions& options,
                     int ranks) {
    FarmsPlan plan;
    for (const model::MatrixInfo& matrix : catalogue.matrices) {
        plan.windows.push_back(windows_in(matrix, options));
    }
    const std::size_t fair_share =
        plan.total_windows() / (kBatchesPerRank * static_cast<std::size_t>(ranks));
    for (const int matrix : costliest_first(plan)) {
        const auto& windows = plan.windows[static_cast<std::size_t>(matrix)];
        if (windows.empty()) {
            continue;
        }
        const double worth_asking = kWorthAsking / window_cost(windows.front()) + 1;
        const auto length = static_cast<std::size_t>(
            std::min(worth_asking, static_cast<double>(std::max<std::size_t>(fair_share, 1))));
        for (std::size_t first = 0; first < windows.size(); first += length) {
            plan.batches.push_back({matrix, first, std::min(first + length, windows.size())});
        }
    }
    return plan;
}

}  // namespace alphaprune::planning
