#include "alphaprune/planning/finished_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "alphaprune/support/machine.hpp"

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
            measured.push_back({{matrix.rows, matrix.cols,
                                 kUsualBytes * static_cast<std::uint64_t>(matrix.weights()),
                                 *solver, std::max(matrix.group_ranks, 1)},
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

Validation::Validation(const FinishedRun& finished, const RunForecast& predicted)
    : title_(fmt::format("{} on {} rank{} at {:.1f} GFLOP/s each", finished.report.model_name,
                         finished.report.ranks, finished.report.ranks == 1 ? "" : "s",
                         finished.report.gemm_gflops)) {
    for (const Phase phase :
         {Phase::start, Phase::spectrum, Phase::prune_and_write, Phase::evaluate}) {
        if (const auto measured = measured_seconds(finished.report, phase)) {
            seconds_.push_back(
                {std::string(name_of(phase)), predicted_seconds(predicted, phase), *measured});
        }
    }
    seconds_.push_back({"whole", predicted.seconds(), finished.report.seconds});
    if (finished.report.peak_memory > 0) {
        memory_.push_back({"memory a rank", static_cast<double>(predicted.memory()),
                           static_cast<double>(finished.report.peak_memory)});
    }
}

std::string Validation::Line::ratio_text() const {
    return std::isfinite(ratio()) ? fmt::format("{:.2f}", ratio()) : "-";  // nothing was measured
}

std::string Validation::table() const {
    std::string text = title_ + "\n";
    text +=
        fmt::format("{:<17} {:>12} {:>12} {:>8}\n", "seconds", "predicted", "measured", "ratio");
    for (const Line& line : seconds_) {
        text += fmt::format("{:<17} {:>12.4g} {:>12.4g} {:>8}\n", line.name, line.predicted,
                            line.measured, line.ratio_text());
    }
    for (const Line& line : memory_) {
        text += fmt::format("{:<17} {:>12} {:>12} {:>8}\n", line.name,
                            support::human_bytes(static_cast<std::uint64_t>(line.predicted)),
                            support::human_bytes(static_cast<std::uint64_t>(line.measured)),
                            line.ratio_text());
    }
    return text;
}

formats::Json Validation::json() const {
    const auto lines_json = [](const std::vector<Line>& lines) {
        formats::Json::Array array;
        for (const Line& line : lines) {
            array.push_back(formats::Json::Object{
                {"name", line.name},
                {"predicted", line.predicted},
                {"measured", line.measured},
                {"ratio", line.ratio()},
            });
        }
        return array;
    };
    return formats::Json::Object{
        {"schema_version", 1},
        {"run", title_},
        {"seconds", lines_json(seconds_)},
        {"memory", lines_json(memory_)},
    };
}

}  // namespace alphaprune::planning
