#include "sweep_points.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <system_error>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "output_folder.hpp"
#include "trials.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

const support::BadRequest<std::int64_t, std::int64_t> kFewForEpsilons{
    "commands.few-sequences-for-epsilons",
    "choosing --epsilon needs {} calibration sequences, and there are {}",
    "its values are scored on sequences that are held out from the statistics",
    "give more --nsamples or a longer text, or one --epsilon"};

/// What decides which run of a sparsity ratio is the best; infinite where it is no number.
double score_of(const report::RunReport& report) {
    const bool scored = !report.perplexities.empty() && report.perplexities.front().pruned;
    const double score = scored ? *report.perplexities.front().pruned : INFINITY;
    return std::isfinite(score) ? score : INFINITY;
}

}  // namespace

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

Inputs inputs_of_point(const Job& job, const PointOfSweep& point, const Inputs& texts) {
    return read_inputs(job.ranks, place_ranks(job.ranks, job.threads_per_rank), point.options,
                       job.forward, job.catalogue, &texts);
}

std::string identity_part_of(const std::string& point) {
    return "the run " + point;
}

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
            identity.parts.emplace_back(identity_part_of(point.request->name), std::move(text));
            std::vector<std::string> fresh = inputs.warnings;
            std::erase_if(fresh, [&](const std::string& warning) {
                return std::ranges::find(job.notes, warning) != job.notes.end();
            });
            job.note(fresh);
        } catch (const support::Error& error) {
            if (!error.agreed() || error.status() == support::ExitStatus::stopped) {
                throw;
            }
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

std::uint64_t room_for(const Job& job, const std::vector<PointOfSweep>& points,
                       const Inputs& texts) {
    std::uint64_t all = 0;
    std::uint64_t most = 0;
    std::map<double, std::uint64_t> of_ratios;  // with masks the sizes differ
    for (const PointOfSweep& point : points) {
        const std::uint64_t size = output_size(job, point.options, texts.calibration.sequences);
        std::uint64_t& of_ratio = of_ratios[point.options.ratios.sparsity_ratio];
        of_ratio = std::max(of_ratio, size);
        most = std::max(most, size);
        all += size;
    }
    const cli::Keep keep = job.options.sweep.keep;
    if (keep == cli::Keep::none || job.options.resume) {
        return most;  // what is there already needs no room; each run looks for its own
    }
    if (keep == cli::Keep::all) {
        return all;
    }
    std::uint64_t best = most;  // and the run that is being compared
    for (const auto& [ratio, size] : of_ratios) {
        best += size;
    }
    return best;
}

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

}  // namespace alphaprune::commands
