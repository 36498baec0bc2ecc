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

#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/resume/journal.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/system_error.hpp"
#include "former_run.hpp"
#include "kept_inputs.hpp"
#include "output_names.hpp"
#include "run_proof.hpp"

namespace alphaprune::commands {
namespace fs = std::filesystem;
namespace {

bool holds_results(const fs::path& folder) {
    return std::ranges::any_of(kResultNames, [&](std::string_view entry) {
        return fs::exists(support::link_status_of(folder / entry));
    });
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

/// What is there already need not be written once more.
std::uint64_t written_before(const fs::path& folder) {
    std::uint64_t bytes = 0;
    for (const std::string_view entry : {kCheckpointName, kFolderName}) {
        bytes += size_on_disk(folder / entry) + size_on_disk(support::partial_name(folder / entry));
    }
    return bytes;
}

/// The deepest folder on the way to `path` that exists.
fs::path existing_ancestor(fs::path path) {
    std::error_code ignored;
    path = fs::absolute(path, ignored).lexically_normal();
    if (!path.has_filename()) {
        path = path.parent_path();  // "out/" is "out"
    }
    while (!fs::exists(path, ignored) && path.has_relative_path()) {
        path = path.parent_path();
    }
    return path;
}

void require_room(const fs::path& folder, std::uint64_t bytes_needed) {
    const std::uint64_t room = support::free_space(folder);
    if (room < bytes_needed) {
        throw support::bad_request(
            fmt::format("the output needs {} and the file system has {} left",
                        support::human_bytes(bytes_needed), support::human_bytes(room)),
            folder.string(), "free some space or choose another --output");
    }
}

void require_writable(const fs::path& folder) {
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
        throw support::path_error("cannot write here", folder, errno,
                                  "choose another --output or change the permissions");
    }
}

void require_room_to_write(const FormerRun& former, const cli::Options& options) {
    std::vector<std::string> names;
    for (const fs::path& path : in_the_way(former, options)) {
        names.push_back(path.filename().string());
    }
    if (!names.empty()) {
        throw support::bad_request(
            fmt::format("the output folder holds what no report or journal in it proves to be this "
                        "program's: {}",
                        fmt::join(names, ", ")),
            options.output.string(),
            "choose another --output, or move these away: they are never removed");
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
        throw support::bad_request(
            unfinished ? "the output folder exists already, with an unfinished run in it"
                       : "the output folder exists already",
            folder.string(),
            fmt::format("choose another --output, or give {}--overwrite to replace the results "
                        "in it",
                        unfinished ? "--resume to go on with that run, or " : ""));
    }
    if (exists && !fs::is_directory(folder, problem)) {
        throw support::bad_request("the output exists and is not a folder", folder.string(),
                                   "choose another --output");
    }
    if (exists && fs::exists(model / "config.json", problem) &&
        fs::equivalent(folder, model, problem)) {
        throw support::bad_request("the output folder is the model's own folder", folder.string(),
                                   "choose another --output");
    }
    const fs::path ancestor = existing_ancestor(folder);
    if (!fs::is_directory(ancestor, problem)) {
        throw support::bad_request("a part of this path is not a folder", ancestor.string(),
                                   "choose another --output");
    }
    require_writable(ancestor);
    require_room(ancestor, bytes_needed);
    return exists;
}

}  // namespace

EarlierRun earlier_run_in(const fs::path& output) {
    if (fs::exists(support::status_of(output / kReportName))) {
        return EarlierRun::complete;
    }
    return resume::Journal::exists_in(output) ? EarlierRun::unfinished : EarlierRun::none;
}

fs::path stop_file_in(const fs::path& output) {
    return output / kStopName;
}

void reopen_output_folder(const cli::Options& options, std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    require_writable(folder);
    require_room_to_write(former_run_in(folder), options);
    const std::uint64_t written = written_before(folder);
    require_room(folder, bytes_needed > written ? bytes_needed - written : 0);
    std::error_code ignored;
    fs::remove(stop_file_in(folder), ignored);  // it has stopped the run before
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
        require_writable(folder);
        const FormerRun former = former_run_in(folder);
        require_room_to_write(former, options);
        require_inputs_elsewhere(options, model, former.ours);
        remove_former_run(former, folder);
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
            throw support::bad_request(
                "this folder holds something else than an export of this program", place.string(),
                "choose another --output");
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
