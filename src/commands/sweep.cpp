#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/comparison.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "commands.hpp"
#include "compared_runs.hpp"
#include "dry_run.hpp"
#include "epsilon_choice.hpp"
#include "stages.hpp"
#include "sweep_folder.hpp"
#include "sweep_points.hpp"
#include "trials.hpp"

namespace alphaprune::commands {
namespace {

const support::Failure<std::string, std::string> kRunFailed{
    "commands.run-of-sweep-failed", "the run {} of the sweep has failed: {}",
    "the pruner cannot do what this run asks for; the other runs went on",
    "see the message of the run itself; leave it out of the lists, or change what it complains of"};

Inputs read_texts(const Job& job) {
    const cli::Options& options = job.options;
    Inputs texts{place_ranks(job.ranks, job.threads_per_rank), job.forward, {}, {}, {}};
    if (!options.calibration.empty()) {
        texts.calibration = load_calibration(job.ranks, options, job.catalogue);
    }
    texts.evaluations = load_evaluations(job.ranks, options, job.catalogue);
    return texts;
}

SharedResults compute_shared(Job& job, const std::vector<PointOfSweep>& points,
                             const Inputs& texts) {
    check_unpruned_tensors(job);
    SharedResults shared;
    const auto follows_metric = std::ranges::find_if(
        points, [](const PointOfSweep& point) { return needs_metric(point.options); });
    if (follows_metric != points.end()) {
        shared.spectra =
            job.options.metric_cache.empty() ? measure_spectra(job) : read_cached_metric(job);
    }
    shared.dense = dense_perplexities(job, texts);
    return shared;
}

void choose_epsilons(Job& job, std::vector<PointOfSweep>& points, const Inputs& texts,
                     const SharedResults& shared) {
    for (PointOfSweep& point : points) {
        if (point.leaves_epsilon_open()) {
            support::log_info(fmt::format("epsilon of {}:", point.request->name));
            const Inputs inputs = inputs_of_point(job, point, texts);
            ChosenEpsilon chosen =
                choose_epsilon(job, inputs, point.options, point.request->epsilons,
                               needs_metric(point.options) ? shared.spectra : Spectra{});
            point.take_epsilon(job.options, chosen.epsilon);
            point.choice = std::move(chosen.choice);
        }
    }
}

/// @param notes  on the model, which every run has
void run_point(const Job& job, const PointOfSweep& point, const Inputs& texts,
               SharedResults& shared, const std::vector<std::string>& notes) {
    Job run{job.ranks, point.options, job.watch, &job};
    run.threads_per_rank = job.threads_per_rank;
    run.catalogue = job.catalogue;
    run.notes = notes;
    const Inputs inputs =
        run.clock.measure("inputs", [&] { return inputs_of_point(job, point, texts); });
    run.note(inputs.warnings);
    prune_job(run, inputs, &shared, point.choice);
}

std::string_view name_of(cli::Keep keep) {
    return keep == cli::Keep::all ? "all" : keep == cli::Keep::best ? "best" : "none";
}

/// Words and members at the head of the sweep's documents. Collective.
report::ComparisonHead head_of_sweep(const Job& job) {
    using formats::Json;
    Json::Object phases;
    for (const auto& [name, seconds] : job.clock.phases()) {
        phases.emplace_back(name, seconds);
    }
    const double seconds = job.clock.total();
    Json::Array words(job.options.command_line.begin(), job.options.command_line.end());
    return {fmt::format("Sweep of {}", job.catalogue.model_name),
            {{"command", fmt::format("{}", fmt::join(job.options.command_line, " "))},
             {"program",
              fmt::format("alphaprune_mpi {} ({})", cli::program_version(), cli::program_commit())},
             {"time", fmt::format("{} on {} ranks; spectra and dense perplexity were computed once",
                                  support::human_duration(seconds), job.ranks.size())},
             {"checkpoints kept", std::string(name_of(job.options.sweep.keep))}},
            {{"program",
              Json::Object{{"version", cli::program_version()}, {"commit", cli::program_commit()}}},
             {"command_line", std::move(words)},
             {"identity", job.identity},
             {"keep", name_of(job.options.sweep.keep)},
             {"run", Json::Object{{"ranks", job.ranks.size()},
                                  {"threads_per_rank", job.threads_per_rank},
                                  {"started", job.started},
                                  {"attempts", job.journal->attempt()},
                                  {"seconds", seconds},
                                  {"phases", std::move(phases)}}}}};
}

/// The sweep stays unfinished: what of it is done is told, and then what went wrong. Collective.
void end_with_failures(const Job& job, const std::vector<report::ReportOfRun>& finished,
                       const support::FaultList& failures) {
    if (!finished.empty()) {
        print_result(job.ranks, parallel::text_from_root(job.ranks, [&] {
                         return report::comparison_table(report::compare_runs(finished));
                     }));
    }
    parallel::run_collectively(job.ranks, [&] { failures.throw_if_any(); });
}

/// A pruner that cannot do what a run asks for fails this run alone. Collective.
/// @return whether the run has come to its end; else its faults are with the failures
bool complete_point(const Job& job, const PointOfSweep& point, const Inputs& texts,
                    SharedResults& shared, const std::vector<std::string>& notes,
                    support::FaultList& failures) {
    try {
        run_point(job, point, texts, shared, notes);
        return true;
    } catch (const support::Error& error) {
        if (!error.agreed() || !is_of_the_pruner(error)) {
            throw;
        }
        support::log(support::LogLevel::error, error.what());
        failures.add(kRunFailed(error.faults().front().where, point.request->name,
                                error.faults().front().what));
        return false;
    }
}

void finish_sweep(const Job& job, std::vector<report::ReportOfRun> finished) {
    const report::ComparisonHead head = head_of_sweep(job);
    const std::string table = parallel::text_from_root(job.ranks, [&] {
        for (report::ReportOfRun& run : finished) {
            run.kept_checkpoint = has_checkpoint(job.options.output / run.folder);
        }
        const report::Comparison comparison = report::compare_runs(finished);
        report::write_comparison(comparison, head, job.options.output, "sweep");
        resume::Journal::remove(job.options.output);
        std::string text = report::comparison_table(comparison);
        support::log_to_file("\n" + text);
        return text;
    });
    print_result(job.ranks, table);
    support::log_info(fmt::format("done in {}; {} runs and sweep.html, .csv, .tex, .json in {}",
                                  support::human_duration(job.clock.total()), finished.size(),
                                  job.options.output.string()));
    support::close_log_file();
}

void run_points(Job& job, std::vector<PointOfSweep>& points, const Inputs& texts,
                const std::vector<std::string>& notes) {
    SharedResults shared = compute_shared(job, points, texts);
    choose_epsilons(job, points, texts, shared);
    std::vector<report::ReportOfRun> finished;
    support::FaultList failures;
    for (std::size_t p = 0; p < points.size(); ++p) {
        const std::string& name = points[p].request->name;
        support::log_info(fmt::format("sweep: run {} of {}: {}", p + 1, points.size(), name));
        const bool done = job.clock.measure(
            "runs", [&] { return complete_point(job, points[p], texts, shared, notes, failures); });
        continue_sweep_log(job);
        if (done) {
            finished.push_back({name, report_in(job.ranks, points[p].options.output)});
            parallel::run_on_root(job.ranks, [&] { drop_checkpoints(job.options, finished); });
            std::string line = report::perplexity_lines(finished.back().report);
            line.erase(line.find_last_not_of('\n') + 1);
            support::log_to_file(
                fmt::format("sweep: {} is done{}{}", name, line.empty() ? "" : ": ", line));
        }
    }
    if (!failures.empty()) {
        end_with_failures(job, finished, failures);
    }
    finish_sweep(job, std::move(finished));
}

}  // namespace

support::ExitStatus sweep(const parallel::Communicator& ranks, const cli::Options& options,
                          parallel::JobWatch& watch) {
    Job job = read_model(ranks, options, watch);
    const std::vector<std::string> notes = job.notes;
    parallel::run_collectively(ranks, [&] {
        model::require_weight_types(job.catalogue,
                                    transformer::unpruned_forward_tensors(job.catalogue),
                                    "tensors that the forward pass uses");
    });
    const Inputs texts = job.clock.measure("inputs", [&] { return read_texts(job); });
    std::vector<PointOfSweep> points =
        parallel::run_collectively(ranks, [&] { return points_of(options); });
    const resume::RunIdentity identity = check_points(job, points, texts);
    const std::uint64_t bytes_needed = room_for(job, points, texts);
    if (options.dry_run) {
        return show_without_doing(job, bytes_needed);
    }
    if (open_sweep(job, identity, bytes_needed)) {
        support::log_info(fmt::format("sweep: {} runs", points.size()));
        work_on(job, [&] { run_points(job, points, texts, notes); });
    }
    return support::ExitStatus::done;
}

}  // namespace alphaprune::commands
