#include "sweep_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"
#include "compared_runs.hpp"
#include "output_folder.hpp"
#include "sweep_points.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

const support::BadRequest<std::string> kOtherPointComplete{
    "commands.complete-point-differs",
    "the run {} in the output folder is complete, and was another one",
    "a sweep may be continued with other lists, but not with other options or another model",
    "choose another --output, or give --overwrite instead of --resume"};

/// What is to be resumed. Collective.
EarlierRun earlier_sweep(const Job& job) {
    EarlierRun found = EarlierRun::none;
    parallel::run_on_root(job.ranks, [&] {
        found = job.options.resume ? earlier_sweep_in(job.options.output) : EarlierRun::none;
    });
    return static_cast<EarlierRun>(job.ranks.max(static_cast<int>(found)));
}

/// Removes what runs of a former sweep, or of this one, have left in their folders. For rank 0.
void remove_former_points(const Job& job) {
    const fs::path& output = job.options.output;
    std::set<std::string> names;
    for (const cli::SweepPoint& point : job.options.sweep.points) {
        names.insert(point.name);
    }
    if (const auto former = runs_of_sweep(output)) {
        names.insert(former->begin(), former->end());
    }
    for (const std::string& name : names) {
        cli::Options point = job.options;
        point.command = cli::Command::run;
        point.output = output / name;
        if (fs::exists(support::link_status_of(point.output))) {
            prepare_output_folder(point, job.catalogue.folder, 0);
            std::error_code not_empty;
            fs::remove(point.output, not_empty);
        }
    }
}

/// A sweep that is complete is continued with other lists: its finished runs must be as this one
/// would make them, and its comparison is to be made anew. For rank 0. @throws Error (bad_request)
void begin_extension(const Job& job, const resume::RunIdentity& identity) {
    support::FaultList faults;
    for (const cli::SweepPoint& point : job.options.sweep.points) {
        const fs::path report = job.options.output / point.name / kReportName;
        const auto part = std::ranges::find(identity.parts, identity_part_of(point.name),
                                            &std::pair<std::string, std::string>::first);
        const bool differs = point.epsilons.size() <= 1 && part != identity.parts.end() &&
                             fs::exists(support::status_of(report)) &&
                             report::read_run_report(report).identity != part->second;
        if (differs) {
            faults.add(kOtherPointComplete(job.options.output.string(), point.name));
        }
    }
    faults.throw_if_any();
    for (const std::string_view name : kSweepNames) {
        std::error_code ignored;
        fs::remove(job.options.output / name, ignored);
    }
}

}  // namespace

EarlierRun earlier_sweep_in(const fs::path& output) {
    if (runs_of_sweep(output)) {
        return EarlierRun::complete;
    }
    return resume::Journal::exists_in(output) ? EarlierRun::unfinished : EarlierRun::none;
}

bool open_sweep(Job& job, const resume::RunIdentity& identity, std::uint64_t bytes_needed) {
    job.identity = identity.digest();
    const std::string folder = job.options.output.string();
    EarlierRun earlier = earlier_sweep(job);
    if (earlier == EarlierRun::complete) {
        bool extended = false;
        parallel::run_on_root(job.ranks, [&] {
            extended = identity_of_sweep_in(job.options.output) != job.identity;
            extended ? begin_extension(job, identity)
                     : resume::Journal::remove(job.options.output);  // if killed at the end
        });
        if (!job.ranks.any(extended)) {
            support::log_info(
                fmt::format("the sweep in {} is complete: nothing is left to do", folder));
            return false;
        }
        earlier = EarlierRun::none;
    }
    if (job.options.overwrite) {
        parallel::run_on_root(job.ranks, [&] { remove_former_points(job); });
    }
    prepare_output(job, identity, 0, bytes_needed, earlier);
    begin_work(job);
    return true;
}

void continue_sweep_log(const Job& job) {
    parallel::run_on_root(job.ranks, [&] {
        support::open_log_file(job.options.output / kLogName, support::LogFile::continued);
    });
}

}  // namespace alphaprune::commands
