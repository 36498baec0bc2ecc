#include <algorithm>
#include <system_error>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/system_error.hpp"
#include "finished_run.hpp"

namespace alphaprune {
namespace {

namespace fs = std::filesystem;

/// The finished run's own request, its model where these options say it is now.
Options options_of(const RunReport& report, const Options& now) {
    if (report.command_line.empty()) {
        throw bad_request("the report does not say how the run was started", now.plan.validate,
                          "name a folder that this program has written");
    }
    Options options =
        parse_options({report.command_line.begin() + 1, report.command_line.end()}, {});
    if (!now.model.empty()) {
        options.model = now.model;
        options.model_root = now.model_root;
        options.revision = now.revision;
    }
    return options;
}

/// The first fault says enough; the remedy is another one here.
Error missing_input(const Error& error) {
    if (error.status() == ExitStatus::failed) {
        return error;
    }
    const Fault& fault = error.faults().front();
    Error other =
        bad_request("the finished run cannot be predicted again: " + fault.what, fault.where,
                    "start from the folder where the run was started, or say with "
                    "--model where its model is now");
    return other.mark_agreed();
}

Precision precision_of(const RunReport& report) {
    const bool single = std::ranges::any_of(report.matrices, &MatrixReport::in_single);
    return single ? Precision::automatic : Precision::in_double;
}

double booked(const RunReport& report, std::initializer_list<std::string_view> names) {
    double seconds = 0;
    for (const auto& [name, time] : report.phases) {
        if (std::ranges::find(names, name) != names.end()) {
            seconds += time;
        }
    }
    return seconds;
}

bool has_booked(const RunReport& report, std::string_view name) {
    return std::ranges::any_of(report.phases,
                               [&](const auto& phase) { return phase.first == name; });
}

}  // namespace

RunReport report_in(const Communicator& ranks, const fs::path& folder) {
    const fs::path file = folder / "report.json";
    const std::string text = from_root(ranks, [&] { return read_text(file); });
    return together(ranks, [&] {
        return run_report_from_json(Json::parse(text, file.string()), file.string());
    });
}

std::optional<RunReport> former_report(const Communicator& ranks, const fs::path& folder) {
    const bool seen = together(
        ranks, [&] { return ranks.is_root() && fs::exists(status_of(folder / "report.json")); });
    const bool there = ranks.any(seen);
    try {
        return there ? std::optional(report_in(ranks, folder)) : std::nullopt;
    } catch (const Error& error) {  // the same on every rank; of another version, perhaps
        if (error.status() == ExitStatus::failed) {
            throw;
        }
        return std::nullopt;
    }
}

FinishedRun finished_run(const Communicator& ranks, const fs::path& folder,
                         const Options& options) {
    FinishedRun finished{report_in(ranks, folder), {}};
    const RunReport& report = finished.report;
    Options own;
    try {
        own = together(ranks, [&] { return options_of(report, options); });
        finished.run = planned_run(ranks, own);
    } catch (const Error& error) {  // the same on every rank
        throw missing_input(error);
    }
    const int hosts = std::max(static_cast<int>(report.hosts.size()), 1);
    finished.run.cluster = {report.ranks, (report.ranks + hosts - 1) / hosts, {}};
    finished.run.task.threads = std::max(report.threads_per_rank, 1);
    return finished;
}

double predicted_seconds(const RunForecast& predicted, Phase phase) {
    double seconds = 0;
    for (const PhaseForecast& part : predicted.phases) {
        const bool pruning = part.phase == Phase::calibrate;
        seconds += (pruning ? Phase::prune_and_write : part.phase) == phase ? part.seconds : 0;
    }
    return seconds;
}

std::optional<double> measured_seconds(const RunReport& report, Phase phase) {
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
        finished.run.has_weights && finished.run.catalogue.origin == WeightOrigin::synthetic;
    model.precision = precision_of(finished.report);
    return model;
}

std::map<Solver, double> solver_corrections(const RunReport& report, const MachineRates& here) {
    constexpr std::uint64_t kUsualBytes = 2;  // of a weight
    CostModel then;
    then.rates = here;
    then.rates.dgemm_gflops = report.gemm_gflops;
    then.rates.sgemm_gflops *= report.gemm_gflops / here.dgemm_gflops;
    then.precision = precision_of(report);
    std::vector<TimedSpectrum> measured;
    for (const MatrixReport& matrix : report.matrices) {
        if (const auto solver = solver_named(matrix.solver)) {
            measured.push_back({{matrix.rows, matrix.cols,
                                 kUsualBytes * static_cast<std::uint64_t>(weights_of(matrix)),
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

}  // namespace alphaprune
