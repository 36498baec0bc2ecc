#include <system_error>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/planning/plan_report.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"
#include "commands.hpp"
#include "output_folder.hpp"
#include "planned_run.hpp"

namespace alphaprune::commands {
namespace {

namespace fs = std::filesystem;

const support::Warning<std::string, std::string> kSpectraOnly{
    "commands.partly-calibrated",
    "the times measured in {} correct the forecast of the spectra only: {}",
    "what that run has read is no longer there, or is another model",
    "give --calibrate-from a run whose model and texts are still there"};

/// The folder of a finished run whose times correct the prediction; empty when there is none.
fs::path calibration_folder(const parallel::Communicator& ranks, const cli::Options& options) {
    if (!options.plan.calibrate_from.empty()) {
        return options.plan.calibrate_from;
    }
    return parallel::text_from_root(ranks, [&] {
        std::error_code ignored;
        return fs::exists(options.output / "report.json", ignored) ? options.output.string()
                                                                   : std::string();
    });
}

void calibrate(const parallel::Communicator& ranks, const fs::path& folder,
               planning::PlanReport& plan) {
    const report::RunReport report = report_in(ranks, folder);
    plan.calibrated_from = folder.string();
    plan.model.corrections = planning::solver_corrections(report, plan.known.rates);
    try {
        plan.run.task.corrections =
            planning::phase_corrections(finished_run(ranks, folder, {}), plan.known.rates);
    } catch (const support::Error& error) {  // the same on every rank
        support::log_warning(kSpectraOnly(folder.string(), error.faults().front().what));
    }
}

planning::PlanReport make_plan(const parallel::Communicator& ranks, const cli::Options& options) {
    planning::PlanReport plan{planned_run(ranks, options), {}, {}, {}, {}, {}};
    plan.known = rates_for(ranks, options, plan.run.catalogue, plan.run.has_weights);
    plan.model.rates = plan.known.rates;
    plan.model.precision = options.precision;
    plan.model.generated = options.synthetic;
    if (const fs::path folder = calibration_folder(ranks, options); !folder.empty()) {
        calibrate(ranks, folder, plan);
    }
    parallel::run_collectively(ranks, [&] {
        if (ranks.is_root()) {
            plan.predicted =
                planning::forecast(plan.run.catalogue, plan.run.cluster, plan.model, plan.run.task);
            plan.useful_ranks = planning::useful_ranks(plan.run.catalogue, plan.run.cluster,
                                                       plan.model, plan.run.task);
        }
    });
    return plan;
}

planning::Validation compare(const parallel::Communicator& ranks, const cli::Options& options) {
    const planning::FinishedRun finished = finished_run(ranks, options.plan.validate, options);
    cli::Options here = options;
    here.output = options.plan.validate;  // where the finished run has written
    const planning::KnownRates known =
        rates_for(ranks, here, finished.run.catalogue, finished.run.has_weights);
    return parallel::run_collectively(ranks, [&] {
        return planning::Validation(
            finished,
            planning::forecast(finished.run.catalogue, finished.run.cluster,
                               planning::model_then(finished, known.rates), finished.run.task));
    });
}

/// The table for people, and the document if one is asked for.
support::ExitStatus print_plan(const parallel::Communicator& ranks, const cli::Options& options,
                               const std::string& table, const formats::Json& document) {
    parallel::run_collectively(ranks, [&] {
        if (ranks.is_root() && !options.plan.json.empty()) {
            support::write_text_atomically(options.plan.json, document.dump() + "\n");
        }
    });
    print_result(ranks, table);
    return support::ExitStatus::done;
}

}  // namespace

support::ExitStatus plan(const parallel::Communicator& ranks, const cli::Options& options) {
    if (!options.plan.validate.empty()) {
        const planning::Validation validation = compare(ranks, options);
        return print_plan(ranks, options, validation.table(), validation.json());
    }
    const planning::PlanReport report = make_plan(ranks, options);
    return print_plan(ranks, options, planning::plan_table(report), planning::plan_json(report));
}

}  // namespace alphaprune::commands
