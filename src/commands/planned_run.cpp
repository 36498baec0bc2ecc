#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "alphaprune/model/family.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "epsilon_choice.hpp"
#include "output_folder.hpp"
#include "stages.hpp"
#include "sweep_points.hpp"

namespace alphaprune::commands {
namespace {

namespace fs = std::filesystem;

const support::BadRequest<> kNoCommandLine{"commands.report-without-command-line",
                                           "the report does not say how the run was started",
                                           "report.json was written or changed by another program",
                                           "name a folder that this program has written"};
const support::BadRequest<std::string> kCannotPredict{
    "commands.finished-run-inputs", "the finished run cannot be predicted again: {}",
    "its model or texts are no longer where its command line says",
    "start from the folder where the run was started, or say with --model where its model is now"};

bool is_a_shape(const cli::Options& options) {
    std::error_code ignored;
    return !options.synthetic && model::shape_named(options.model.string()) != nullptr &&
           !fs::exists(options.model / "config.json", ignored);
}

/// The catalogue of a short name, its weights assumed to lie in files.
model::Catalogue catalogue_of_shape(const parallel::Communicator& ranks, cli::Options options) {
    options.synthetic = true;
    model::Catalogue catalogue = load_model(ranks, options);
    catalogue.model_name = model::shape_named(options.model.string())->name;
    return catalogue;
}

int cores_here(const parallel::Communicator& ranks) {
    const auto cores = static_cast<int>(std::thread::hardware_concurrency());
    return ranks.max(std::max(cores, ranks.split_by_node().size()));
}

planning::Cluster cluster_of(const parallel::Communicator& ranks, const cli::Options& options) {
    const cli::PlanRequest& plan = options.plan;
    constexpr std::uint64_t kCardMemory = std::uint64_t{80} << 30;
    planning::Cluster cluster;
    cluster.ranks = plan.ranks.value_or(ranks.size());
    cluster.cards_per_node = plan.cards_per_node.value_or(0);
    const int usual = cluster.cards_per_node > 0 ? cluster.cards_per_node : cores_here(ranks);
    cluster.ranks_per_node = std::min(plan.ranks_per_node.value_or(usual), cluster.ranks);
    if (cluster.cards_per_node > 0) {
        cluster.card_memory = options.card_memory.value_or(kCardMemory);
    }
    cluster.memory_per_rank = options.memory_per_rank;
    if (plan.memory_per_node) {
        cluster.memory_per_rank =
            *plan.memory_per_node / static_cast<std::uint64_t>(cluster.ranks_per_node);
    }
    return cluster;
}

/// As many sequences as asked for, of the length they would have.
planning::SequenceShape sequences_like(const cli::Options& options,
                                       const model::Catalogue& catalogue) {
    constexpr std::int64_t kUsualLength = 2048;
    const std::int64_t most = catalogue.configuration.max_positions;
    return {options.sequences.value_or(model::kUsualSequences),
            options.sequence_length.value_or(
                static_cast<int>(most > 0 ? std::min(most, kUsualLength) : kUsualLength))};
}

bool looks_at_text(const planning::RunTask& task) {
    return task.prunes_by_block() || task.measures_outliers || !task.trials.empty();
}

planning::SequenceShape calibration_of(const parallel::Communicator& ranks,
                                       const cli::Options& options,
                                       const model::Catalogue& catalogue) {
    if (options.calibration.empty()) {
        return sequences_like(options, catalogue);
    }
    return load_calibration(ranks, options, catalogue).sequences;
}

std::vector<planning::SequenceShape> evaluations_of(const parallel::Communicator& ranks,
                                                    const cli::Options& options,
                                                    const model::Catalogue& catalogue) {
    std::vector<planning::SequenceShape> texts;
    for (const EvaluationText& text : load_evaluations(ranks, options, catalogue)) {
        texts.emplace_back(text.windows);
    }
    return texts;
}

int copies_written(const cli::Options& options) {
    return (options.write_hdf5 ? 1 : 0) + (options.write_safetensors ? 1 : 0);
}

void add_spectra(planning::RunTask& task, const cli::Options& options, bool computes) {
    task.computes_spectra = computes && options.metric_cache.empty();
    task.spectra = {options.solver, options.group_ranks};
    task.threads = options.threads_per_rank.value_or(1);
    if (task.computes_spectra && options.metric == spectrum::Metric::alpha_peak_farms) {
        task.farms = options.farms;
    }
}

planning::RunTask task_of(const parallel::Communicator& ranks, const cli::Options& options,
                          const model::Catalogue& catalogue) {
    planning::RunTask task;
    const bool analyzes = options.command == cli::Command::analyze;
    add_spectra(task, options, analyzes || needs_metric(options));
    task.prunes = !analyzes;
    if (analyzes) {
        return task;
    }
    add_pruning(task, options, catalogue);
    if (looks_at_text(task)) {
        task.calibration = calibration_of(ranks, options, catalogue);
    }
    task.copies = copies_written(options);
    task.evaluations = evaluations_of(ranks, options, catalogue);
    return task;
}

/// What the runs of a sweep share: spectra, and the dense model on all texts.
planning::RunTask shared_task(const parallel::Communicator& ranks, const cli::Options& sweep,
                              const std::vector<PointOfSweep>& points,
                              const model::Catalogue& catalogue) {
    planning::RunTask task;
    add_spectra(task, sweep, std::ranges::any_of(points, [](const PointOfSweep& point) {
                    return needs_metric(point.options);
                }));
    task.prunes = false;
    task.forward_precision = sweep.forward_precision.value_or(linalg::ForwardPrecision::float32);
    task.evaluations = evaluations_of(ranks, sweep, catalogue);
    task.evaluated_models = 1;
    return task;
}

/// What the runs before have found for this one (SharedResults) takes no time in it.
/// @param scored   allocations whose scores are known, from here on this one's
/// @param settled  pruners and ratios whose settings are chosen
void leave_out_known(planning::RunTask& task, const cli::Options& point,
                     std::set<std::string_view>& scored,
                     std::set<std::pair<std::string_view, double>>& settled) {
    if (task.measures_outliers) {
        task.measures_outliers = scored.insert(point.allocation->name).second;
    }
    if (point.leaves_settings_open() &&
        !settled.emplace(point.pruner->name, point.ratios.sparsity_ratio).second) {
        task.trials.erase(task.trials.begin());
    }
}

/// The request of the finished run, its model where these options say it is now.
cli::Options options_of(const report::RunReport& report, const cli::Options& now) {
    if (report.command_line.empty()) {
        throw kNoCommandLine(now.plan.validate.string());
    }
    cli::Options options =
        cli::parse_options({report.command_line.begin() + 1, report.command_line.end()}, {});
    if (!now.model.empty()) {
        options.model = now.model;
        options.model_root = now.model_root;
        options.revision = now.revision;
    }
    return options;
}

/// The first fault says enough; its remedy does not apply here.
support::Error missing_input(const support::Error& error) {
    if (error.status() == support::ExitStatus::failed) {
        return error;
    }
    const support::Fault& fault = error.faults().front();
    return kCannotPredict(fault.where, fault.what).mark_agreed();
}

}  // namespace

planning::PlannedRun planned_run(const parallel::Communicator& ranks, const cli::Options& options) {
    const bool shape = is_a_shape(options);
    planning::PlannedRun run;
    run.catalogue = shape ? catalogue_of_shape(ranks, options) : load_model(ranks, options);
    run.has_weights = !shape;
    run.cluster = cluster_of(ranks, options);
    if (options.sweep.points.empty()) {
        run.task = task_of(ranks, options, run.catalogue);
    }
    return run;
}

SweepTasks tasks_of_sweep(const parallel::Communicator& ranks, const cli::Options& sweep,
                          const model::Catalogue& catalogue) {
    const std::vector<PointOfSweep> points =
        parallel::run_collectively(ranks, [&] { return points_of(sweep); });
    SweepTasks tasks{shared_task(ranks, sweep, points, catalogue), {}};
    std::optional<planning::SequenceShape> calibration;
    std::set<std::string_view> scored;                      // allocations
    std::set<std::pair<std::string_view, double>> settled;  // pruners and ratios
    for (const PointOfSweep& point : points) {
        tasks.runs.emplace_back(point.request->name, tasks.shared);
        planning::RunTask& task = tasks.runs.back().second;
        task.computes_spectra = false;
        task.farms.reset();
        task.prunes = true;
        add_pruning(task, point.options, catalogue);
        leave_out_known(task, point.options, scored, settled);
        if (point.leaves_epsilon_open()) {
            task.trials.insert(task.trials.begin(),
                               planned_epsilon_trials(point.request->epsilons));
        }
        if (looks_at_text(task)) {
            if (!calibration) {
                calibration = calibration_of(ranks, sweep, catalogue);
            }
            task.calibration = *calibration;
        }
        task.copies = copies_written(point.options);
    }
    tasks.shared.calibration = calibration.value_or(planning::SequenceShape{});
    return tasks;
}

planning::FinishedRun finished_run(const parallel::Communicator& ranks, const fs::path& folder,
                                   const cli::Options& options) {
    planning::FinishedRun finished{report_in(ranks, folder), {}};
    const report::RunReport& report = finished.report;
    cli::Options own;
    try {
        own = parallel::run_collectively(ranks, [&] { return options_of(report, options); });
        finished.run = planned_run(ranks, own);
    } catch (const support::Error& error) {  // the same on every rank
        throw missing_input(error);
    }
    const int hosts = std::max(static_cast<int>(report.hosts.size()), 1);
    finished.run.cluster = {report.ranks, (report.ranks + hosts - 1) / hosts, {}};
    finished.run.task.threads = std::max(report.threads_per_rank, 1);
    // That not being asked for, only ranks with a card have chosen it.
    constexpr auto kOfCards = linalg::ForwardPrecision::bf16x2;
    if (!own.forward_precision && report.forward_precision == linalg::name_of(kOfCards)) {
        finished.run.task.forward_precision = kOfCards;
        finished.run.cluster.cards_per_node = finished.run.cluster.ranks_per_node;
    }
    finished.run.task.measures_outliers &=  // unless another run of its sweep has done so
        std::ranges::any_of(report.phases, [](const auto& one) { return one.first == "outliers"; });
    return finished;
}

}  // namespace alphaprune::commands
