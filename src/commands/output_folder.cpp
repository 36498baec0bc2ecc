#include "output_folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/resume/journal.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"
#include "former_run.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

using support::BadRequest;

const BadRequest<std::string, std::string> kNoRoom{
    "commands.no-room", "the output needs {} and the file system has {} left",
    "checkpoint.h5 and, with safetensors, hf/ need as much as the model each",
    "free some space or choose another --output"};
const BadRequest<std::string> kForeignFiles{
    "commands.foreign-files",
    "the output folder holds what no report or journal in it proves to be of this program: {}",
    "files of other origin have the names that a run writes",
    "choose another --output, or move these away: they are never removed"};
const BadRequest<> kUnfinishedRun{
    "commands.output-with-unfinished-run",
    "the output folder exists already, with an unfinished run in it",
    "an earlier run was stopped or killed, or has failed",
    "choose another --output, or give --resume to continue that run, or --overwrite to replace its "
    "results"};
const BadRequest<> kExists{
    "commands.output-exists", "the output folder exists already",
    "an earlier run, or something else, is in it",
    "choose another --output, or give --overwrite to replace the results in it"};
const BadRequest<> kNotAFolder{"commands.output-is-no-folder", "this is not a folder",
                               "a file has the name of the output or of a folder on the way to it",
                               "choose another --output"};
const BadRequest<> kModelFolder{"commands.output-is-the-model",
                                "the output folder is the model's own folder",
                                "the results would replace the model", "choose another --output"};
const BadRequest<> kNotAnExport{
    "commands.not-an-export", "this folder holds something other than an export of this program",
    "no safetensors file in it states that this program has written it", "choose another --output"};
const BadRequest<> kInputInOutput{
    "commands.input-in-output", "--overwrite would remove what this run reads",
    "the model, the metric cache, the ratios or a text lie in the output folder",
    "choose another --output"};

bool holds_results(const fs::path& folder) {
    const auto is_there = [&](std::string_view entry) {
        return fs::exists(support::link_status_of(folder / entry));
    };
    return is_there(kSweepName) || std::ranges::any_of(kResultNames, is_there);
}

/// Bytes that a file, or the files of a folder, take on the disk.
std::uint64_t size_on_disk(const fs::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        return 0;
    }
    constexpr std::uint64_t kBlock = 512;
    std::uint64_t bytes = static_cast<std::uint64_t>(status.st_blocks) * kBlock;
    std::error_code problem;
    if (S_ISDIR(status.st_mode)) {
        for (const fs::directory_entry& entry : fs::directory_iterator(path, problem)) {
            bytes += size_on_disk(entry.path());
        }
    }
    return bytes;
}

/// What is there already need not be written again.
std::uint64_t written_before(const fs::path& folder) {
    std::uint64_t bytes = 0;
    for (const std::string_view entry : {kCheckpointName, kFolderName}) {
        bytes += size_on_disk(folder / entry) + size_on_disk(support::partial_name(folder / entry));
    }
    return bytes;
}

void require_room(const fs::path& folder, std::uint64_t bytes_needed) {
    const std::uint64_t room = support::free_space(folder);
    if (room < bytes_needed) {
        throw kNoRoom(folder.string(), support::human_bytes(bytes_needed),
                      support::human_bytes(room));
    }
}

void require_writable(const fs::path& folder) {
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
        throw support::path_error("cannot write here", folder, errno,
                                  "choose another --output or change the permissions");
    }
}

void require_no_foreign_files(const FormerRun& former, const cli::Options& options) {
    std::vector<std::string> names;
    for (const fs::path& path : in_the_way(former, options)) {
        names.push_back(path.filename().string());
    }
    if (!names.empty()) {
        throw kForeignFiles(options.output.string(), fmt::format("{}", fmt::join(names, ", ")));
    }
}

/// Whether the output exists; everything that must hold before work starts does.
bool check_place(const cli::Options& options, const fs::path& model, std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    std::error_code problem;
    const bool exists = fs::exists(support::link_status_of(folder));
    const bool may_exist = options.overwrite || (options.resume && !holds_results(folder));
    if (exists && !may_exist) {
        const bool unfinished = earlier_run_in(folder) == EarlierRun::unfinished;
        const BadRequest<>& problem = unfinished ? kUnfinishedRun : kExists;
        throw problem(folder.string());
    }
    const fs::path ancestor = exists ? folder : support::existing_ancestor(folder);
    if (!fs::is_directory(ancestor, problem)) {
        throw kNotAFolder(ancestor.string());
    }
    if (exists && fs::exists(model / "config.json", problem) &&
        fs::equivalent(folder, model, problem)) {
        throw kModelFolder(folder.string());
    }
    require_writable(ancestor);
    require_room(ancestor, bytes_needed);
    return exists;
}

/// The files of a model's folder may be links to anywhere.
std::vector<fs::path> inputs_of(const cli::Options& options, const fs::path& model) {
    std::vector<fs::path> inputs{model, options.model, options.metric_cache,
                                 options.allocation_file, options.mask_from};
    for (const cli::CalibrationFile& file : options.calibration) {
        inputs.push_back(file.path);
    }
    inputs.insert(inputs.end(), options.evaluations.begin(), options.evaluations.end());
    std::error_code none;
    for (const fs::directory_entry& file : fs::directory_iterator(model, none)) {
        inputs.push_back(file.path());
    }
    return inputs;
}

/// Where it is, and where the link is that may stand for it; nothing where nothing is.
std::vector<fs::path> places_of(const fs::path& input) {
    std::error_code absent;
    const fs::path file = fs::canonical(input, absent);
    if (absent) {
        return {};
    }
    const fs::path folder = fs::canonical(fs::absolute(input).parent_path(), absent);
    return {file, folder / input.filename()};
}

/// Of two paths without links.
bool lies_in(const fs::path& path, const fs::path& place) {
    return std::ranges::mismatch(place, path).in1 == place.end();
}

/// With --overwrite, what lies at `doomed` is removed: nothing that the request names as input, and
/// no file of the model, may be it or lie in it.
void require_inputs_elsewhere(const cli::Options& options, const fs::path& model,
                              std::span<const fs::path> doomed) {
    std::vector<fs::path> removed;
    for (const fs::path& path : doomed) {
        std::error_code absent;
        removed.push_back(fs::canonical(path, absent));
    }
    std::erase(removed, fs::path());
    for (const fs::path& input : inputs_of(options, model)) {
        for (const fs::path& place : places_of(input)) {
            if (std::ranges::any_of(removed,
                                    [&](const auto& gone) { return lies_in(place, gone); })) {
                throw kInputInOutput(input.string());
            }
        }
    }
}

/// What an output that exists holds: a run that may be replaced.
FormerRun check_former(const cli::Options& options, const fs::path& model) {
    require_writable(options.output);
    FormerRun former = former_run_in(options.output);
    require_no_foreign_files(former, options);
    require_inputs_elsewhere(options, model, former.ours);
    return former;
}

/// Whether an unfinished run may be continued in the output.
void check_unfinished(const cli::Options& options, std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    require_writable(folder);
    require_no_foreign_files(former_run_in(folder), options);
    const std::uint64_t written = written_before(folder);
    require_room(folder, bytes_needed > written ? bytes_needed - written : 0);
}

}  // namespace

EarlierRun earlier_run_in(const fs::path& output) {
    if (fs::exists(support::status_of(output / kReportName))) {
        return EarlierRun::complete;
    }
    return resume::Journal::exists_in(output) ? EarlierRun::unfinished : EarlierRun::none;
}

report::RunReport report_in(const parallel::Communicator& ranks, const fs::path& folder) {
    const fs::path file = folder / kReportName;
    const std::string text =
        parallel::text_from_root(ranks, [&] { return support::read_text(file); });
    return parallel::run_collectively(ranks, [&] {
        return report::run_report_from_json(formats::Json::parse(text, file.string()),
                                            file.string());
    });
}

std::optional<report::RunReport> former_report(const parallel::Communicator& ranks,
                                               const fs::path& folder) {
    bool seen = false;
    parallel::run_on_root(ranks,
                          [&] { seen = fs::exists(support::status_of(folder / kReportName)); });
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

void check_output_folder(const cli::Options& options, const fs::path& model,
                         std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    const EarlierRun earlier = options.resume ? earlier_run_in(folder) : EarlierRun::none;
    if (earlier == EarlierRun::complete) {
        return;
    }
    if (earlier == EarlierRun::unfinished) {
        check_unfinished(options, bytes_needed);
    } else if (check_place(options, model, bytes_needed)) {
        check_former(options, model);
    }
}

void reopen_output_folder(const cli::Options& options, std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    check_unfinished(options, bytes_needed);
    std::error_code ignored;
    fs::remove(folder / kStopName, ignored);  // it has stopped the run before
}

void prepare_output_folder(const cli::Options& options, const fs::path& model,
                           std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    const bool exists = check_place(options, model, bytes_needed);
    std::error_code problem;
    fs::create_directories(folder, problem);
    if (problem) {
        throw support::path_error("cannot make the output folder", folder, problem.value(),
                                  "choose another --output");
    }
    if (exists) {
        remove_former_run(check_former(options, model), folder);
    }
}

void discard_unfinished_run(const cli::Options& options) {
    for (const std::string_view name : kResultNames) {
        const bool written = name != kMetricsName &&
                             (name != kCheckpointName || options.write_hdf5) &&
                             (name != kFolderName || options.write_safetensors);
        std::error_code problem;
        if (written) {
            fs::remove_all(support::partial_name(options.output / name), problem);
        }
    }
    resume::Journal::remove(options.output);
}

void prepare_export_folder(const cli::Options& options, const fs::path& model,
                           std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    const fs::path partial =
        support::partial_name(folder.has_filename() ? folder : folder.parent_path());
    const bool exists = check_place(options, model, bytes_needed);
    for (const fs::path& place : {folder, partial}) {
        if (fs::exists(support::link_status_of(place)) &&
            !(fs::is_directory(support::status_of(place)) && is_export(place, place == partial))) {
            throw kNotAnExport(place.string());
        }
    }
    std::error_code problem;
    if (exists) {
        require_inputs_elsewhere(options, model, std::span(&folder, 1));
        fs::remove_all(folder, problem);
    }
    if (folder.has_parent_path()) {
        fs::create_directories(folder.parent_path(), problem);
    }
}

}  // namespace alphaprune::commands
