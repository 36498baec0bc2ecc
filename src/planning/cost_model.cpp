#include "alphaprune/planning/cost_model.hpp"

#include <algorithm>
#include <array>

namespace alphaprune::planning {
namespace {

/// Operations at DGEMM speed that a solver's time is worth, for n×n from k, as measured with
/// benchmarks/spectrum at n = 64 to 8192, all cores busy.
struct Coefficients {
    double gram;       ///< × n²·k, shared by the ranks of a group
    double reduction;  ///< × 4/3·n³, shared
    double alone;      ///< × n²: bulge chase, panels, dsterf, page faults; on one rank
    double calls;      ///< × n: what depends on the number of calls
};

/// In the order of linalg::Solver.
constexpr std::array<Coefficients, linalg::kSolvers.size() + 1> kCoefficients{{
    {1.13, 3.0, 350, 115e3},   // lapack1
    {1.13, 1.9, 2300, 150e3},  // lapack2
    {1.13, 1.4, 1150, 60e3},   // two_stage
    {1.67, 7.4, 500, 500e3},   // elpa1
    {1.67, 4.0, 3000, 500e3},  // elpa2
    {1.67, 6.5, 2000, 500e3},  // scalapack
    {0.91, 2.2, 0, 150e6},     // cuda: × the card's DGEMM; of a matrix, eight at a time on an H200
}};

struct Sides {
    double n;
    double k;
};

Sides sides_of(std::int64_t rows, std::int64_t cols) {
    return {static_cast<double>(std::min(rows, cols)), static_cast<double>(std::max(rows, cols))};
}

/// The one-stage reduction reads half of what is left of the matrix for each column: 4/3·n³ bytes,
/// at memory speed where it is not in the cache.
double memory_bound_seconds(const MachineRates& rates, double n) {
    constexpr double kSmallestOutOfCache = 1024;
    if (n < kSmallestOutOfCache) {
        return 0;
    }
    return 2.0 / 3 * n * n * n / (rates.dgemm_gflops * 1e9) +
           4.0 / 3 * n * n * n / (rates.memory_gbps * 1e9);
}

/// How many times faster the shared part is on a group: two_stage distributes it in eight lanes,
/// whole ones to each rank. The ranks wait for each other, too: on one 8192² matrix 2, 4 and 8 of
/// 16 ranks were 1.8, 3.3 and 5.2 times as fast as one (docs/performance.md).
double group_speedup(linalg::Solver solver, int ranks) {
    constexpr int kLanes = 8;
    constexpr double kLossPerRank = 0.03;
    const int lanes_of_one = (kLanes + ranks - 1) / ranks;
    const double shared = solver == linalg::Solver::two_stage
                              ? static_cast<double>(kLanes) / lanes_of_one
                              : static_cast<double>(ranks);
    return shared / (1 + kLossPerRank * (ranks - 1));
}

double computing_seconds(const CostModel& model, const SpectrumTask& task) {
    const MachineRates& rates = model.rates;
    const Coefficients worth = kCoefficients.at(static_cast<std::size_t>(task.solver));
    const auto [n, k] = sides_of(task.rows, task.cols);
    const bool single = model.precision != linalg::Precision::in_double &&
                        linalg::has_single_precision(task.solver);
    const bool on_card = task.solver == linalg::Solver::cuda;
    const double dgemm = 1e9 * (on_card ? card_rates(rates).dgemm_gflops : rates.dgemm_gflops);
    const double speed = single ? 1e9 * rates.sgemm_gflops : dgemm;
    const double gram = worth.gram * n * n * k / speed;
    double reduction = worth.reduction * 4.0 / 3 * n * n * n / speed;
    if (task.solver == linalg::Solver::lapack1) {
        reduction = std::max(reduction, memory_bound_seconds(rates, n));
    }
    const double alone = (worth.alone * n * n + worth.calls * n) / dgemm;
    return (gram + reduction) / group_speedup(task.solver, task.group_ranks) + alone;
}

}  // namespace

double spectrum_cost(std::int64_t rows, std::int64_t cols, linalg::Solver solver) {
    const Coefficients worth = kCoefficients.at(static_cast<std::size_t>(solver));
    const auto [n, k] = sides_of(rows, cols);
    return worth.gram * n * n * k + worth.reduction * 4.0 / 3 * n * n * n + worth.alone * n * n +
           worth.calls * n;
}

double CostModel::reading_seconds(const SpectrumTask& task) const {
    const double rate = generated ? rates.generate_gbps * task.group_ranks : rates.read_gbps;
    return static_cast<double>(task.stored_bytes) / (rate * 1e9);
}

double CostModel::seconds(const SpectrumTask& task) const {
    const auto known = corrections.find(task.solver);
    const double correction = known == corrections.end() ? 1 : known->second;
    return correction * (computing_seconds(*this, task) + reading_seconds(task));
}

CostModel corrected(CostModel model, std::span<const TimedSpectrum> measured) {
    struct Sums {
        double measured = 0;
        double predicted = 0;
    };
    model.corrections.clear();
    std::map<linalg::Solver, Sums> by_solver;
    for (const TimedSpectrum& one : measured) {
        Sums& sums = by_solver[one.task.solver];
        sums.measured += one.seconds;
        sums.predicted += model.seconds(one.task);
    }
    for (const auto& [solver, sums] : by_solver) {
        if (sums.measured > 0 && sums.predicted > 0) {
            model.corrections[solver] = sums.measured / sums.predicted;
        }
    }
    return model;
}

}  // namespace alphaprune::planning
