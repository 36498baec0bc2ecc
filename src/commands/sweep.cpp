#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <system_error>

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
#include "epsilon_choice.hpp"
#include "stages.hpp"
#include "sweep_folder.hpp"
#include "trials.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

const support::BadRequest<std::int64_t, std::int64_t> kFewForEpsilons{
    "commands.few-sequences-for-epsilons",
    "choosing --epsilon needs {} calibration sequences, and there are {}",
    "its values are scored on sequences that are held out from the statistics",
    "give more --nsamples or a longer text, or one --epsilon"};

/// One run of the sweep.
struct PointOfSweep {
    const cli::SweepPoint* request = nullptr;
    cli::Options options = {};
    std::optional<report::EpsilonChoiceReport> choice = {};

    bool leaves_epsilon_open() const { return request->epsilons.size() > 1; }
    void take_epsilon(const cli::Options& sweep, std::optional<double> epsilon) {
        options = cli::options_of_point(sweep, *request, epsilon);
    }
};

/// With the first epsilon of each.
std::vector<PointOfSweep> points_of(const cli::Options& sweep) {
    std::vector<PointOfSweep> points;
    for (const cli::SweepPoint& request : sweep.sweep.points) {
        PointOfSweep& point = points.emplace_back();
        point.request = &request;
        point.take_epsilon(sweep, request.epsilons.empty()
                                      ? std::nullopt
                                      : std::optional(request.epsilons.front()));
    }
    return points;
}

/// Texts are read once; what else a run's inputs are depends on its options.
Inputs inputs_of_point(const Job& job, const PointOfSweep& point, const Inputs& texts) {
    return read_inputs(job.ranks, place_ranks(job.ranks, job.threads_per_rank), point.options,
                       job.catalogue, &texts);
}

Inputs read_texts(const Job& job) {
    const cli::Options& options = job.options;
    Inputs texts{place_ranks(job.ranks, job.threads_per_rank), {}, {}, {}};
    if (!options.calibration.empty()) {
        texts.calibration = load_calibration(job.ranks, options, job.catalogue);
    }
    texts.evaluations = load_evaluations(job.ranks, options, job.catalogue);
    return texts;
}

/// Finds whatever is wrong with any run of the sweep, before any work, and what all of them depend
/// on. @throws Error on all ranks, with the faults of all runs
resume::RunIdentity check_points(Job& job, const std::vector<PointOfSweep>& points,
                                 const Inputs& texts) {
    resume::RunIdentity identity = identity_of_analysis(job.options, job.catalogue);
    identity.parts.front().second = "sweep";
    support::FaultList faults;
    for (const PointOfSweep& point : points) {
        try {
            check_ratios(job.ranks, point.options, job.catalogue);
            const Inputs inputs = inputs_of_point(job, point, texts);
            const std::int64_t sequences = inputs.calibration.sequences.count();
            parallel::run_collectively(job.ranks, [&] {
                if (point.options.allocation->is_searched()) {
                    check_search(inputs);
                }
                if (point.leaves_epsilon_open() && sequences < kFewestForTrials) {
                    throw kFewForEpsilons("--calibration", kFewestForTrials, sequences);
                }
            });
            const resume::RunIdentity own = parallel::run_collectively(
                job.ranks, [&] { return identity_of_run(point.options, job.catalogue, inputs); });
            std::string text = own.digest();
            if (point.leaves_epsilon_open()) {
                text += fmt::format(", --epsilon {}", fmt::join(point.request->epsilons, ","));
            }
            identity.parts.emplace_back("the run " + point.request->name, std::move(text));
            std::vector<std::string> fresh = inputs.warnings;
            std::erase_if(fresh, [&](const std::string& warning) {
                return std::ranges::find(job.notes, warning) != job.notes.end();
            });
            job.note(fresh);
        } catch (const support::Error& error) {  // the same on every rank
            for (const support::Fault& fault : error.faults()) {
                if (std::ranges::find(faults.faults(), fault) == faults.faults().end()) {
                    faults.add(support::Error(error.status(), {fault}));
                }
            }
        }
    }
    parallel::run_collectively(job.ranks, [&] { faults.throw_if_any(); });
    return identity;
}

/// As many checkpoints as will lie on the disk at once.
std::uint64_t room_for(const Job& job, const std::vector<PointOfSweep>& points,
                       const Inputs& texts) {
    std::set<double> ratios;
    for (const PointOfSweep& point : points) {
        ratios.insert(point.options.ratios.sparsity_ratio);
    }
    const cli::Keep keep = job.options.sweep.keep;
    std::uint64_t most = keep == cli::Keep::all    ? points.size()
                         : keep == cli::Keep::best ? ratios.size() + 1
                                                   : 1;
    if (job.options.resume) {  // what is there already needs no room; each run looks for its own
        most = 1;
    }
    return most * output_size(job, points.front().options, texts.calibration.sequences);
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
               const SharedResults& shared, const std::vector<std::string>& notes) {
    Job run{job.ranks, point.options, job.watch, &job};
    run.threads_per_rank = job.threads_per_rank;
    run.catalogue = job.catalogue;
    run.notes = notes;
    const Inputs inputs =
        run.clock.measure("inputs", [&] { return inputs_of_point(job, point, texts); });
    run.note(inputs.warnings);
    prune_job(run, inputs, &shared, point.choice);
}

/// What decides which run of a sparsity ratio is the best; infinite where it is no number.
double score_of(const report::RunReport& report) {
    const bool scored = !report.perplexities.empty() && report.perplexities.front().pruned;
    const double score = scored ? *report.perplexities.front().pruned : INFINITY;
    return std::isfinite(score) ? score : INFINITY;
}

/// Removes the checkpoints that are not to be kept, of runs that have come to their end. For rank
/// 0.
void drop_checkpoints(const cli::Options& options,
                      const std::vector<report::ReportOfRun>& finished) {
    if (options.sweep.keep == cli::Keep::all) {
        return;
    }
    std::map<double, const report::ReportOfRun*> best;  // by ratio
    for (const report::ReportOfRun& run : finished) {
        const report::ReportOfRun*& leader = best[run.report.allocation->sparsity_ratio];
        if (leader == nullptr || score_of(run.report) < score_of(leader->report)) {
            leader = &run;
        }
    }
    for (const report::ReportOfRun& run : finished) {
        const bool is_best = best[run.report.allocation->sparsity_ratio] == &run;
        if (options.sweep.keep == cli::Keep::none || !is_best) {
            std::error_code ignored;  // it stays, then
            fs::remove(options.output / run.folder / kCheckpointName, ignored);
            fs::remove_all(options.output / run.folder / kFolderName, ignored);
        }
    }
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

void finish_sweep(const Job& job, std::vector<report::ReportOfRun> finished) {
    const report::ComparisonHead head = head_of_sweep(job);
    const std::string table = parallel::text_from_root(job.ranks, [&] {
        for (report::ReportOfRun& run : finished) {
            run.kept_checkpoint = has_checkpoint(job.options.output / run.folder);
        }
        const report::Comparison comparison = report::compare_runs(finished);
        report::write_comparison(comparison, head, job.options.output, "sweep");
        resume::Journal::remove(job.options.output);
        const std::string text = report::comparison_table(comparison);
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
    const SharedResults shared = compute_shared(job, points, texts);
    choose_epsilons(job, points, texts, shared);
    std::vector<report::ReportOfRun> finished;
    for (const PointOfSweep& point : points) {
        support::log_info(fmt::format("sweep: run {} of {}: {}", finished.size() + 1, points.size(),
                                      point.request->name));
        job.clock.measure("runs", [&] { run_point(job, point, texts, shared, notes); });
        finished.push_back({point.request->name, report_in(job.ranks, point.options.output)});
        parallel::run_on_root(job.ranks, [&] { drop_checkpoints(job.options, finished); });
        continue_sweep_log(job);
        support::log_to_file(fmt::format("sweep: run {} of {}, {}: {}", finished.size(),
                                         points.size(), point.request->name,
                                         report::perplexity_lines(finished.back().report)));
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
    if (open_sweep(job, identity, room_for(job, points, texts))) {
        support::log_info(fmt::format("sweep: {} runs", points.size()));
        work_on(job, [&] { run_points(job, points, texts, notes); });
    }
    return support::ExitStatus::done;
}

}  // namespace alphaprune::commands
