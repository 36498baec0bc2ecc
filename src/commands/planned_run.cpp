#include <algorithm>
#include <system_error>
#include <thread>

#include "alphaprune/model/family.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "output_folder.hpp"
#include "stages.hpp"

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
    planning::Cluster cluster;
    cluster.ranks = plan.ranks.value_or(ranks.size());
    cluster.ranks_per_node =
        std::min(plan.ranks_per_node.value_or(cores_here(ranks)), cluster.ranks);
    cluster.memory_per_rank = options.memory_per_rank;
    if (plan.memory_per_node) {
        cluster.memory_per_rank =
            *plan.memory_per_node / static_cast<std::uint64_t>(cluster.ranks_per_node);
    }
    return cluster;
}

/// As many sequences as asked for, of the length they would have; their tokens do not matter.
model::TokenSequences sequences_like(const cli::Options& options,
                                     const model::Catalogue& catalogue) {
    constexpr std::int64_t kUsualLength = 2048;
    const std::int64_t most = catalogue.configuration.max_positions;
    model::TokenSequences sequences;
    sequences.length = options.sequence_length.value_or(
        static_cast<int>(most > 0 ? std::min(most, kUsualLength) : kUsualLength));
    sequences.ids.resize(static_cast<std::size_t>(
        options.sequences.value_or(model::kUsualSequences) * sequences.length));
    return sequences;
}

planning::RunTask task_of(const parallel::Communicator& ranks, const cli::Options& options,
                          const model::Catalogue& catalogue) {
    planning::RunTask task;
    const bool analyzes = options.command == cli::Command::analyze;
    task.computes_spectra = analyzes || (needs_metric(options) && options.metric_cache.empty());
    task.spectra = {options.solver, options.group_ranks};
    task.threads = options.threads_per_rank.value_or(1);
    if (task.computes_spectra && options.metric == spectrum::Metric::alpha_peak_farms) {
        task.farms = options.farms;
    }
    task.prunes = !analyzes;
    if (analyzes) {
        return task;
    }
    add_pruning(task, options, catalogue);
    if (task.prunes_by_block() || task.measures_outliers || !task.trials.empty()) {
        task.calibration = options.calibration.empty()
                               ? sequences_like(options, catalogue)
                               : load_calibration(ranks, options, catalogue).sequences;
    }
    task.copies = (options.write_hdf5 ? 1 : 0) + (options.write_safetensors ? 1 : 0);
    for (const EvaluationText& text : load_evaluations(ranks, options, catalogue)) {
        task.evaluations.push_back(text.windows);
    }
    return task;
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
    run.task = task_of(ranks, options, run.catalogue);
    return run;
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
    return finished;
}

}  // namespace alphaprune::commands
