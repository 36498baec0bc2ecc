#include "compared_runs.hpp"

#include <algorithm>
#include <system_error>

#include "alphaprune/support/file.hpp"
#include "alphaprune/support/message.hpp"
#include "output_folder.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

using formats::Json;

const support::BadRequest<> kNoRunThere{
    "commands.no-run-to-compare", "there is no finished run in this folder",
    "neither report.json nor sweep.json is there, nor a folder with a report.json",
    "name the output folder of a run or of a sweep"};
const support::BadRequest<> kNothingPruned{
    "commands.nothing-pruned", "the run in this folder has pruned nothing",
    "it is one of analyze, which leaves spectra alone", "leave it out"};

/// sweep.json as this program writes it; nothing where it is not there or another file.
std::optional<Json> sweep_in(const fs::path& folder) {
    const fs::path file = folder / kSweepName;
    if (!fs::is_regular_file(support::link_status_of(file))) {
        return std::nullopt;
    }
    try {
        Json sweep = Json::parse(support::read_text(file), file.string());
        const Json* program = sweep.find("program");
        const bool ours = program != nullptr && program->find("version") != nullptr &&
                          sweep.find("command_line") != nullptr && sweep.find("runs") != nullptr;
        return ours ? std::optional(std::move(sweep)) : std::nullopt;
    } catch (const support::Error& error) {
        if (error.status() == support::ExitStatus::failed) {
            throw;
        }
        return std::nullopt;
    }
}

bool is_plain_name(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

/// Folders in it that hold a report, by name.
std::vector<fs::path> runs_below(const fs::path& folder) {
    std::vector<fs::path> runs;
    std::error_code unreadable;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, unreadable)) {
        if (fs::exists(support::status_of(entry.path() / kReportName))) {
            runs.push_back(entry.path());
        }
    }
    std::ranges::sort(runs);
    return runs;
}

/// The folders of the runs that one folder stands for.
std::vector<fs::path> runs_in(const fs::path& folder) {
    if (const auto names = runs_of_sweep(folder)) {
        std::vector<fs::path> runs;
        for (const std::string& name : *names) {
            runs.push_back(folder / name);
        }
        return runs;
    }
    if (fs::exists(support::status_of(folder / kReportName))) {
        return {folder};
    }
    std::vector<fs::path> runs = runs_below(folder);
    if (runs.empty()) {
        throw kNoRunThere(folder.string());
    }
    return runs;
}

}  // namespace

std::optional<std::vector<std::string>> runs_of_sweep(const fs::path& folder) {
    const std::optional<Json> sweep = sweep_in(folder);
    if (!sweep) {
        return std::nullopt;
    }
    std::vector<std::string> names;
    for (const Json& run : sweep->find("runs")->elements()) {
        const Json* name = run.find("folder");
        if (name != nullptr && is_plain_name(name->as_string().value_or(""))) {
            names.push_back(*name->as_string());
        }
    }
    return names;
}

std::string identity_of_sweep_in(const fs::path& folder) {
    const std::optional<Json> sweep = sweep_in(folder);
    const Json* identity = sweep ? sweep->find("identity") : nullptr;
    return identity != nullptr ? identity->as_string().value_or("") : "";
}

bool has_checkpoint(const fs::path& folder) {
    return fs::exists(support::status_of(folder / kCheckpointName)) ||
           fs::exists(support::status_of(folder / kFolderName));
}

std::vector<report::ReportOfRun> reports_in(std::span<const fs::path> folders) {
    std::vector<report::ReportOfRun> reports;
    support::FaultList faults;
    const auto collect = [&](const auto& action) {
        try {
            action();
        } catch (const support::Error& error) {
            faults.add(error);
        }
    };
    for (const fs::path& folder : folders) {
        collect([&] {
            for (const fs::path& run : runs_in(folder)) {
                collect([&] {
                    report::RunReport report = report::read_run_report(run / kReportName);
                    if (report.prune_method.empty()) {
                        throw kNothingPruned(run.string());
                    }
                    reports.push_back({run.string(), std::move(report), has_checkpoint(run)});
                });
            }
        });
    }
    faults.throw_if_any();
    return reports;
}

}  // namespace alphaprune::commands
