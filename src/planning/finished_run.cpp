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

double predicted_seconds(const RunForecast& predicted, Phase phase) {
    double seconds = 0;
    for (const PhaseForecast& part : predicted.phases) {
        const bool pruning = part.phase == Phase::calibrate;
        seconds += (pruning ? Phase::prune_and_write : part.phase) == phase ? part.seconds : 0;
    }
    return seconds;
}

/// Seconds of a phase; nothing when the run had none. Calibration is part of pruning, and all that
/// is not booked under another phase is part of the start.
std::optional<double> measured_seconds(const report::RunReport& report, Phase phase) {
    if (phase == Phase::start) {
        return report.seconds - booked(report, {"spectrum", "farms", "settings", "search",
                                                "outliers", "prune", "write", "evaluate"});
    }
    if (phase == Phase::spectrum && has_booked(report, "spectrum")) {
        return booked(report, {"spectrum", "farms"});
    }
    if (phase == Phase::trials &&
        (has_booked(report, "settings") || has_booked(report, "search"))) {
        return booked(report, {"settings", "search"});
    }
    if (phase == Phase::prune_and_write && has_booked(report, "prune")) {
        return booked(report, {"outliers", "prune", "write"});
    }
    if (phase == Phase::evaluate && has_booked(report, "evaluate")) {
        return booked(report, {"evaluate"});
    }
    return std::nullopt;
}

/// The model of this machine, at the DGEMM rate that the run itself measured.
CostModel model_of(const report::RunReport& report, const MachineRates& here) {
    CostModel model{here, precision_of(report)};
    model.rates.dgemm_gflops = report.gemm_gflops;
    model.rates.sgemm_gflops *= report.gemm_gflops / here.dgemm_gflops;
    model.rates.bf16_gflops *= report.gemm_gflops / here.dgemm_gflops;
    return model;
}

RunForecast predicted_then(const FinishedRun& finished, const MachineRates& here) {
    const PlannedRun& run = finished.run;
    CostModel model = model_of(finished.report, here);
    model.generated = run.has_weights && run.catalogue.origin == model::WeightOrigin::synthetic;
    return forecast(run.catalogue, run.cluster, model, run.task);
}

}  // namespace

std::map<linalg::Solver, double> solver_corrections(const report::RunReport& report,
                                                    const MachineRates& here) {
    constexpr std::uint64_t kUsualBytes = 2;  // of a weight
    std::vector<TimedSpectrum> measured;
    for (const report::MatrixReport& matrix : report.matrices) {
        // A card works on several matrices at a time: their seconds say little of one alone.
        if (const auto solver = linalg::solver_named(matrix.solver);
            solver && solver != linalg::Solver::cuda) {
            measured.push_back({{matrix.rows, matrix.cols,
                                 kUsualBytes * static_cast<std::uint64_t>(matrix.weights()),
                                 *solver, std::max(matrix.group_ranks, 1)},
                                matrix.seconds});
        }
    }
    return corrected(model_of(report, here), measured).corrections;
}

std::map<Phase, double> phase_corrections(const FinishedRun& finished, const MachineRates& here) {
    const RunForecast predicted = predicted_then(finished, here);
    std::map<Phase, double> corrections;
    for (const Phase phase : {Phase::trials, Phase::prune_and_write, Phase::evaluate}) {
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

Validation::Validation(const FinishedRun& finished, const MachineRates& here)
    : title_(fmt::format("{} on {} rank{} at {:.1f} GFLOP/s each", finished.report.model_name,
                         finished.report.ranks, finished.report.ranks == 1 ? "" : "s",
                         finished.report.gemm_gflops)) {
    const RunForecast predicted = predicted_then(finished, here);
    for (const Phase phase :
         {Phase::start, Phase::spectrum, Phase::trials, Phase::prune_and_write, Phase::evaluate}) {
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
