#include <fmt/format.h>

#include <cstdio>
#include <system_error>

#include "alphaprune/commands/commands.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/log.hpp"
#include "finished_run.hpp"
#include "plan_report.hpp"

namespace alphaprune {
namespace {

namespace fs = std::filesystem;

void print(const Communicator& ranks, const std::string& text) {
    if (ranks.is_root()) {
        fmt::print("{}", text);
        std::fflush(stdout);
    }
}

/// The folder of a finished run whose times correct the prediction; empty when there is none.
fs::path calibration_folder(const Communicator& ranks, const Options& options) {
    if (!options.plan.calibrate_from.empty()) {
        return options.plan.calibrate_from;
    }
    return from_root(ranks, [&] {
        std::error_code ignored;
        return fs::exists(options.output / "report.json", ignored) ? options.output.string()
                                                                   : std::string();
    });
}

void calibrate(const Communicator& ranks, const fs::path& folder, PlanReport& plan) {
    const RunReport report = report_in(ranks, folder);
    plan.calibrated_from = folder.string();
    plan.model.corrections = solver_corrections(report, plan.known.rates);
    try {
        plan.run.task.corrections =
            phase_corrections(finished_run(ranks, folder, {}), plan.known.rates);
    } catch (const Error& error) {  // the same on every rank
        log_warning(fmt::format("only the spectra are corrected by {}: {}", folder.string(),
                                error.faults().front().what));
    }
}

PlanReport make_plan(const Communicator& ranks, const Options& options) {
    PlanReport plan{planned_run(ranks, options), {}, {}, {}, {}, {}};
    plan.known = rates_for(ranks, options, plan.run.catalogue, plan.run.has_weights);
    plan.model.rates = plan.known.rates;
    plan.model.precision = options.precision;
    plan.model.generated = options.synthetic;
    if (const fs::path folder = calibration_folder(ranks, options); !folder.empty()) {
        calibrate(ranks, folder, plan);
    }
    together(ranks, [&] {
        if (ranks.is_root()) {
            plan.predicted =
                forecast(plan.run.catalogue, plan.run.cluster, plan.model, plan.run.task);
            plan.useful_ranks =
                useful_ranks(plan.run.catalogue, plan.run.cluster, plan.model, plan.run.task);
        }
    });
    return plan;
}

/// "spectrum            1.23 s      1.31 s    0.94"
std::string comparison(std::string_view name, double predicted, double measured) {
    return fmt::format("{:<17} {:>12.4g} {:>12.4g} {:>8.2f}\n", name, predicted, measured,
                       predicted / measured);
}

ExitStatus validate(const Communicator& ranks, const Options& options) {
    const FinishedRun finished = finished_run(ranks, options.plan.validate, options);
    Options here = options;
    here.output = options.plan.validate;  // where the finished run has written
    const KnownRates known =
        rates_for(ranks, here, finished.run.catalogue, finished.run.has_weights);
    const RunForecast predicted = together(ranks, [&] {
        return forecast(finished.run.catalogue, finished.run.cluster,
                        model_then(finished, known.rates), finished.run.task);
    });
    std::string text =
        fmt::format("{} on {} ranks at {:.1f} GFLOP/s each, finished in {}\n",
                    finished.report.model_name, finished.report.ranks, finished.report.gemm_gflops,
                    options.plan.validate.string()) +
        fmt::format("{:<17} {:>12} {:>12} {:>8}\n", "seconds", "predicted", "measured", "ratio");
    for (const Phase phase :
         {Phase::start, Phase::spectrum, Phase::prune_and_write, Phase::evaluate}) {
        if (const auto measured = measured_seconds(finished.report, phase)) {
            text += comparison(name_of(phase), predicted_seconds(predicted, phase), *measured);
        }
    }
    print(ranks, text + comparison("whole", predicted.seconds(), finished.report.seconds));
    return ExitStatus::done;
}

}  // namespace

ExitStatus plan(const Communicator& ranks, const Options& options) {
    if (!options.plan.validate.empty()) {
        return validate(ranks, options);
    }
    const PlanReport report = make_plan(ranks, options);
    together(ranks, [&] {
        if (ranks.is_root() && !options.plan.json.empty()) {
            write_text_atomically(options.plan.json, plan_json(report).dump() + "\n");
        }
    });
    print(ranks, plan_table(report));
    return ExitStatus::done;
}

}  // namespace alphaprune
