#include <algorithm>
#include <system_error>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/system_error.hpp"
#include "find_finished_run.hpp"
#include "planned_run.hpp"

namespace alphaprune::commands {
namespace {

namespace fs = std::filesystem;

/// The finished run's own request, its model where these options say it is now.
cli::Options options_of(const report::RunReport& report, const cli::Options& now) {
    if (report.command_line.empty()) {
        throw support::bad_request("the report does not say how the run was started",
                                   now.plan.validate,
                                   "name a folder that this program has written");
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

/// The first fault says enough; the remedy is another one here.
support::Error missing_input(const support::Error& error) {
    if (error.status() == support::ExitStatus::failed) {
        return error;
    }
    const support::Fault& fault = error.faults().front();
    support::Error other = support::bad_request(
        "the finished run cannot be predicted again: " + fault.what, fault.where,
        "start from the folder where the run was started, or say with "
        "--model where its model is now");
    return other.mark_agreed();
}

}  // namespace

report::RunReport report_in(const parallel::Communicator& ranks, const fs::path& folder) {
    const fs::path file = folder / "report.json";
    const std::string text = parallel::from_root(ranks, [&] { return support::read_text(file); });
    return parallel::together(ranks, [&] {
        return report::run_report_from_json(formats::Json::parse(text, file.string()),
                                            file.string());
    });
}

std::optional<report::RunReport> former_report(const parallel::Communicator& ranks,
                                               const fs::path& folder) {
    const bool seen = parallel::together(ranks, [&] {
        return ranks.is_root() && fs::exists(support::status_of(folder / "report.json"));
    });
    const bool there = ranks.any(seen);
    try {
        return there ? std::optional(report_in(ranks, folder)) : std::nullopt;
    } catch (const support::Error& error) {  // the same on every rank; of another version, perhaps
        if (error.status() == support::ExitStatus::failed) {
            throw;
        }
        return std::nullopt;
    }
}

planning::FinishedRun finished_run(const parallel::Communicator& ranks, const fs::path& folder,
                                   const cli::Options& options) {
    planning::FinishedRun finished{report_in(ranks, folder), {}};
    const report::RunReport& report = finished.report;
    cli::Options own;
    try {
        own = parallel::together(ranks, [&] { return options_of(report, options); });
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
