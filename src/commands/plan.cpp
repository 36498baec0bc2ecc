#include <optional>
#include <system_error>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/planning/machine_rates.hpp"
#include "alphaprune/planning/plan_report.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"
#include "commands.hpp"
#include "dry_run.hpp"
#include "inputs.hpp"
#include "output_folder.hpp"

namespace alphaprune::commands {
namespace {

namespace fs = std::filesystem;

const support::Warning<std::string, std::string> kSpectraOnly{
    "commands.partly-calibrated",
    "the times measured in {} correct the forecast of the spectra only: {}",
    "what that run has read is no longer there, or is another model",
    "give --calibrate-from a run whose model and texts are still there"};

/// The folder that the output will be made in.
std::filesystem::path folder_around(const std::filesystem::path& output) {
    std::error_code ignored;
    const std::filesystem::path existing = support::existing_ancestor(output);
    return std::filesystem::is_directory(existing, ignored) ? existing : existing.parent_path();
}

/// The rates that the request gives; the others measured on these ranks, or assumed.
planning::KnownRates rates_for(const parallel::Communicator& ranks, const cli::Options& options,
                               const planning::PlannedRun& run) {
    const model::Catalogue& catalogue = run.catalogue;
    const bool weights = run.has_weights;
    using Rates = planning::MachineRates;
    const cli::PlanRequest& given = options.plan;
    const Rates here = planning::measure_machine_rates(ranks, run.task.forward_precision);
    planning::KnownRates known;
    const auto enter = [&](const char* what, const char* unit, double Rates::*rate,
                           std::optional<double> asked, std::optional<double> measured) {
        known.rates.*rate = asked.value_or(measured.value_or(Rates{}.*rate));
        known.sources.push_back({what, unit, rate,
                                 asked      ? "given"
                                 : measured ? "measured here"
                                            : "assumed"});
    };
    enter("DGEMM", "GFLOP/s a core", &Rates::dgemm_gflops, given.dgemm_gflops, here.dgemm_gflops);
    // One core of the machine planned for is to this one as their DGEMM rates are.
    const double sgemm = here.sgemm_gflops / here.dgemm_gflops * known.rates.dgemm_gflops;
    enter("SGEMM", "GFLOP/s a core", &Rates::sgemm_gflops, given.sgemm_gflops,
          given.dgemm_gflops ? sgemm : here.sgemm_gflops);
    if (given.dgemm_gflops && !given.sgemm_gflops) {
        known.sources.back().how = "as DGEMM compares with this machine's";
    }
    if (run.task.forward_precision != linalg::ForwardPrecision::float32 &&
        !run.cluster.has_card_a_rank()) {
        const bool known_here = !given.sgemm_gflops && !given.dgemm_gflops;
        enter("bfloat16", "GFLOP/s a core", &Rates::bf16_gflops, given.bf16_gflops,
              known_here ? here.bf16_gflops : planning::kBf16OverSgemm * known.rates.sgemm_gflops);
        if (!known_here && !given.bf16_gflops) {
            known.sources.back().how = "assumed, by SGEMM's";
        }
    }
    enter("memory", "GB/s a core", &Rates::memory_gbps, given.memory_gbps, here.memory_gbps);
    if (weights && catalogue.origin == model::WeightOrigin::synthetic) {
        enter("weights made", "GB/s a core", &Rates::generate_gbps, {},
              planning::measure_reading_gbps(ranks, catalogue));
    } else {
        std::optional<double> measured;
        if (weights && !given.read_gbps) {
            measured = planning::measure_reading_gbps(ranks, catalogue);
        }
        enter("reading", "GB/s a node", &Rates::read_gbps, given.read_gbps, measured);
    }
    std::optional<double> written;
    if (!options.output.empty() && !given.write_gbps && !options.dry_run) {
        written = planning::measure_writing_gbps(ranks, folder_around(options.output));
    }
    enter("writing", "GB/s a node", &Rates::write_gbps, given.write_gbps, written);
    enter("file system", "GB/s in all", &Rates::storage_gbps, given.storage_gbps, {});
    enter("network", "GB/s a node", &Rates::network_gbps, given.network_gbps, {});
    if (run.cluster.cards_per_node > 0) {
        enter("bfloat16", "GFLOP/s a card", &Rates::card_gflops, given.card_gflops, {});
    }
    return known;
}

/// The folder of a finished run whose times correct the prediction; empty when there is none.
fs::path calibration_folder(const parallel::Communicator& ranks, const cli::Options& options) {
    if (!options.plan.calibrate_from.empty()) {
        return options.plan.calibrate_from;
    }
    return parallel::text_from_root(ranks, [&] {
        std::error_code ignored;
        return fs::exists(options.output / kReportName, ignored) ? options.output.string()
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

planning::Validation compare(const parallel::Communicator& ranks, const cli::Options& options) {
    const planning::FinishedRun finished = finished_run(ranks, options.plan.validate, options);
    cli::Options here = options;
    here.output = options.plan.validate;  // where the finished run has written
    const planning::KnownRates known = rates_for(ranks, here, finished.run);
    return parallel::run_collectively(ranks,
                                      [&] { return planning::Validation(finished, known.rates); });
}

/// The table for people, and the document if one is asked for.
support::ExitStatus print_plan(const parallel::Communicator& ranks, const cli::Options& options,
                               const std::string& table, const formats::Json& document) {
    parallel::run_on_root(ranks, [&] {
        if (!options.plan.json.empty()) {
            support::write_text_atomically(options.plan.json, document.dump() + "\n");
        }
    });
    print_result(ranks, table);
    return support::ExitStatus::done;
}

}  // namespace

planning::PlanReport make_plan(const parallel::Communicator& ranks, const cli::Options& options) {
    planning::PlanReport plan{planned_run(ranks, options), {}, {}, {}, {}, {}, {}};
    SweepTasks sweep;
    if (!options.sweep.points.empty()) {
        sweep = tasks_of_sweep(ranks, options, plan.run.catalogue);
        plan.run.task = sweep.shared;
    }
    if (plan.run.cluster.has_card_a_rank() && !options.forward_precision) {
        plan.run.task.forward_precision = linalg::ForwardPrecision::bf16x2;
        for (auto& [name, task] : sweep.runs) {
            task.forward_precision = plan.run.task.forward_precision;
        }
    }
    plan.known = rates_for(ranks, options, plan.run);
    plan.model.rates = plan.known.rates;
    plan.model.precision = options.precision;
    plan.model.generated = options.synthetic;
    if (const fs::path folder = calibration_folder(ranks, options); !folder.empty()) {
        calibrate(ranks, folder, plan);
    }
    for (auto& [name, task] : sweep.runs) {
        task.corrections = plan.run.task.corrections;
    }
    parallel::run_on_root(ranks, [&] {
        const auto predicted_on = [&](const planning::Cluster& cluster,
                                      const planning::RunTask& task) {
            return planning::forecast(plan.run.catalogue, cluster, plan.model, task);
        };
        plan.predicted = predicted_on(plan.run.cluster, plan.run.task);
        for (const auto& [name, task] : sweep.runs) {
            plan.points.push_back({name, predicted_on(plan.run.cluster, task)});
        }
        plan.useful_ranks =
            planning::useful_ranks(plan.run.cluster, [&](const planning::Cluster& cluster) {
                double seconds = predicted_on(cluster, plan.run.task).seconds();
                for (const auto& [name, task] : sweep.runs) {
                    seconds += predicted_on(cluster, task).seconds();
                }
                return seconds;
            });
    });
    return plan;
}

support::ExitStatus plan(const parallel::Communicator& ranks, const cli::Options& options) {
    if (!options.plan.validate.empty()) {
        const planning::Validation validation = compare(ranks, options);
        return print_plan(ranks, options, validation.table(), validation.json());
    }
    const planning::PlanReport report = make_plan(ranks, options);
    return print_plan(ranks, options, planning::plan_table(report), planning::plan_json(report));
}

}  // namespace alphaprune::commands
