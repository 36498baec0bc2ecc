#include "alphaprune/planning/finished_run.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace alphaprune::planning {
namespace {

linalg::Precision precision_of(const report::RunReport& report) {
    const bool single = std::ranges::any_of(report.matrices, &report::MatrixReport::in_single);
    return single ? linalg::Precision::automatic : linalg::Precision::in_double;
}

double booked(const report::RunReport& report, std::initializer_list<std::string_view> names) {
    double seconds = 0;
    for (const auto& [name, time] : report.phases) {
        if (std::ranges::find(names, name) != names.end()) {
            seconds += time;
        }
    }
    return seconds;
}

bool has_booked(const report::RunReport& report, std::string_view name) {
    return std::ranges::any_of(report.phases,
                               [&](const auto& phase) { return phase.first == name; });
}

}  // namespace

double predicted_seconds(const RunForecast& predicted, Phase phase) {
    double seconds = 0;
    for (const PhaseForecast& part : predicted.phases) {
        const bool pruning = part.phase == Phase::calibrate;
        seconds += (pruning ? Phase::prune_and_write : part.phase) == phase ? part.seconds : 0;
    }
    return seconds;
}

std::optional<double> measured_seconds(const report::RunReport& report, Phase phase) {
    switch (phase) {
        case Phase::start:
            return report.seconds -
                   booked(report, {"spectrum", "farms", "outliers", "prune", "write", "evaluate"});
        case Phase::spectrum:
            return has_booked(report, "spectrum")
                       ? std::optional(booked(report, {"spectrum", "farms"}))
                       : std::nullopt;
        case Phase::prune_and_write:
            return has_booked(report, "prune")
                       ? std::optional(booked(report, {"outliers", "prune", "write"}))
                       : std::nullopt;
        case Phase::evaluate:
            return has_booked(report, "evaluate") ? std::optional(booked(report, {"evaluate"}))
                                                  : std::nullopt;
        case Phase::calibrate:
            break;
    }
    return std::nullopt;
}

CostModel model_then(const FinishedRun& finished, const MachineRates& here) {
    CostModel model;
    model.rates = here;
    model.rates.dgemm_gflops = finished.report.gemm_gflops;
    model.rates.sgemm_gflops *= finished.report.gemm_gflops / here.dgemm_gflops;
    model.generated =
        finished.run.has_weights && finished.run.catalogue.origin == model::WeightOrigin::synthetic;
    model.precision = precision_of(finished.report);
    return model;
}

std::map<linalg::Solver, double> solver_corrections(const report::RunReport& report,
                                                    const MachineRates& here) {
    constexpr std::uint64_t kUsualBytes = 2;  // of a weight
    CostModel then;
    then.rates = here;
    then.rates.dgemm_gflops = report.gemm_gflops;
    then.rates.sgemm_gflops *= report.gemm_gflops / here.dgemm_gflops;
    then.precision = precision_of(report);
    std::vector<TimedSpectrum> measured;
    for (const report::MatrixReport& matrix : report.matrices) {
        if (const auto solver = linalg::solver_named(matrix.solver)) {
            measured.push_back(
                {{matrix.rows, matrix.cols,
                  kUsualBytes * static_cast<std::uint64_t>(report::weights_of(matrix)), *solver,
                  std::max(matrix.group_ranks, 1)},
                 matrix.seconds});
        }
    }
    return corrected(then, measured).corrections;
}

std::map<Phase, double> phase_corrections(const FinishedRun& finished, const MachineRates& here) {
    const RunForecast predicted = forecast(finished.run.catalogue, finished.run.cluster,
                                           model_then(finished, here), finished.run.task);
    std::map<Phase, double> corrections;
    for (const Phase phase : {Phase::prune_and_write, Phase::evaluate}) {
        const auto measured = measured_seconds(finished.report, phase);
        const double seconds = predicted_seconds(predicted, phase);
        if (measured && seconds > 0) {
            corrections[phase] = *measured / seconds;
        }
    }
    if (finished.run.task.calibration.count() > 0 && corrections.contains(Phase::prune_and_write)) {
        corrections[Phase::calibrate] = corrections[Phase::prune_and_write];
    }
    return corrections;
}

}  // namespace alphaprune::planning
