#include <fmt/format.h>

#include <system_error>

#include "alphaprune/commands/commands.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/log.hpp"
#include "finished_run.hpp"
#include "plan_report.hpp"
#include "result.hpp"
#include "validation.hpp"

namespace alphaprune {
namespace {

namespace fs = std::filesystem;

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
        log_warning(
            fmt::format("the times measured in {} correct the forecast of the spectra only: {}",
                        folder.string(), error.faults().front().what));
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

Validation compare(const Communicator& ranks, const Options& options) {
    const FinishedRun finished = finished_run(ranks, options.plan.validate, options);
    Options here = options;
    here.output = options.plan.validate;  // where the finished run has written
    const KnownRates known =
        rates_for(ranks, here, finished.run.catalogue, finished.run.has_weights);
    return together(ranks, [&] {
        return Validation(finished, forecast(finished.run.catalogue, finished.run.cluster,
                                             model_then(finished, known.rates), finished.run.task));
    });
}

/// The table for people, and the document where one is asked for.
ExitStatus tell(const Communicator& ranks, const Options& options, const std::string& table,
                const Json& document) {
    together(ranks, [&] {
        if (ranks.is_root() && !options.plan.json.empty()) {
            write_text_atomically(options.plan.json, document.dump() + "\n");
        }
    });
    print_result(ranks, table);
    return ExitStatus::done;
}

}  // namespace

ExitStatus plan(const Communicator& ranks, const Options& options) {
    if (!options.plan.validate.empty()) {
        const Validation validation = compare(ranks, options);
        return tell(ranks, options, validation.table(), validation.json());
    }
    const PlanReport report = make_plan(ranks, options);
    return tell(ranks, options, plan_table(report), plan_json(report));
}

}  // namespace alphaprune
