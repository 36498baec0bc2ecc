#include "output_folder.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "alphaprune/model/companions.hpp"
#include "alphaprune/schedule/journal.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/machine.hpp"
#include "kept_inputs.hpp"

namespace alphaprune {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 9> kOwnEntries{
    "report.json", "report.html", "matrices.csv", "checkpoint.h5", "metrics",
    "hf",          "run.log",     "journal",      "stop"};
/// Of those, what a run that has just begun may have left.
constexpr std::array<std::string_view, 3> kNoResults{"run.log", "journal", "stop"};

bool holds_results(const fs::path& folder) {
    return std::ranges::any_of(kOwnEntries, [&](std::string_view entry) {
        std::error_code ignored;
        return std::ranges::find(kNoResults, entry) == kNoResults.end() &&
               fs::exists(fs::symlink_status(folder / entry, ignored));
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
    for (const std::string_view entry : {"checkpoint.h5", "hf"}) {
        bytes += size_on_disk(folder / entry) + size_on_disk(partial_name(folder / entry));
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
    const std::uint64_t room = free_space(folder);
    if (room < bytes_needed) {
        throw bad_request(fmt::format("the output needs {} and the file system has {} left",
                                      human_bytes(bytes_needed), human_bytes(room)),
                          folder.string(), "free some space or choose another --output");
    }
}

void require_writable(const fs::path& folder) {
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
        throw bad_request(fmt::format("cannot write here: {}", std::strerror(errno)),
                          folder.string(), "choose another --output or change the permissions");
    }
}

/// Finished or not.
std::vector<fs::path> former_results(const fs::path& folder) {
    std::vector<fs::path> results;
    for (const std::string_view entry : kOwnEntries) {
        results.push_back(folder / entry);
        results.push_back(partial_name(folder / entry));
    }
    return results;
}

void remove_all(const std::vector<fs::path>& results) {
    for (const fs::path& result : results) {
        std::error_code problem;
        fs::remove_all(result, problem);
        if (problem) {
            throw bad_request(fmt::format("cannot remove the former result: {}", problem.message()),
                              result.string(), "choose another --output");
        }
    }
}

/// An export leaves a configuration, and no folders but of the model's own code and templates.
/// Something else must not go with it.
bool may_be_exported(const fs::path& folder) {
    bool empty = true;
    std::error_code problem;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, problem)) {
        empty = false;
        if (fs::is_directory(entry.symlink_status(problem)) &&
            !is_folder_of_companions(folder, entry.path().filename().string())) {
            return false;
        }
    }
    return empty || fs::exists(folder / "config.json", problem);
}

/// Whether the output exists; everything that must hold before work starts does.
bool check_place(const Options& options, const fs::path& model, std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    std::error_code problem;
    const bool exists = fs::exists(fs::symlink_status(folder, problem));
    const bool may_exist = options.overwrite || (options.resume && !holds_results(folder));
    if (exists && !may_exist) {
        const bool unfinished = earlier_run_in(folder) == EarlierRun::unfinished;
        throw bad_request(
            unfinished ? "the output folder exists already, with an unfinished run in it"
                       : "the output folder exists already",
            folder.string(),
            fmt::format("choose another --output, or give {}--overwrite to replace the results "
                        "in it",
                        unfinished ? "--resume to go on with that run, or " : ""));
    }
    if (exists && !fs::is_directory(folder, problem)) {
        throw bad_request("the output exists and is not a folder", folder.string(),
                          "choose another --output");
    }
    if (exists && fs::exists(model / "config.json", problem) &&
        fs::equivalent(folder, model, problem)) {
        throw bad_request("the output folder is the model's own folder", folder.string(),
                          "choose another --output");
    }
    const fs::path ancestor = existing_ancestor(folder);
    if (!fs::is_directory(ancestor, problem)) {
        throw bad_request("a part of this path is not a folder", ancestor.string(),
                          "choose another --output");
    }
    require_writable(ancestor);
    require_room(ancestor, bytes_needed);
    return exists;
}

}  // namespace

EarlierRun earlier_run_in(const fs::path& output) {
    std::error_code ignored;
    if (fs::exists(output / "report.json", ignored)) {
        return EarlierRun::complete;
    }
    return Journal::exists_in(output) ? EarlierRun::unfinished : EarlierRun::none;
}

fs::path stop_file_in(const fs::path& output) {
    return output / "stop";
}

void reopen_output_folder(const fs::path& folder, std::uint64_t bytes_needed) {
    require_writable(folder);
    const std::uint64_t written = written_before(folder);
    require_room(folder, bytes_needed > written ? bytes_needed - written : 0);
    std::error_code ignored;
    fs::remove(stop_file_in(folder), ignored);  // it has stopped the run before
}

void prepare_output_folder(const Options& options, const fs::path& model,
                           std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    const bool exists = check_place(options, model, bytes_needed);
    std::error_code problem;
    fs::create_directories(folder, problem);
    if (problem) {
        throw bad_request(fmt::format("cannot make the output folder: {}", problem.message()),
                          folder.string(), "choose another --output");
    }
    if (exists) {
        const std::vector<fs::path> former = former_results(folder);
        require_inputs_elsewhere(options, model, former);
        remove_all(former);
    }
}

void discard_unfinished_run(const fs::path& folder) {
    std::vector<fs::path> unfinished{Journal::folder_in(folder)};
    for (const std::string_view entry : kOwnEntries) {
        unfinished.push_back(partial_name(folder / entry));
    }
    remove_all(unfinished);
}

void prepare_export_folder(const Options& options, const fs::path& model,
                           std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    std::error_code problem;
    if (check_place(options, model, bytes_needed)) {
        if (!may_be_exported(folder)) {
            throw bad_request("this folder holds something else than a model", folder.string(),
                              "choose another --output");
        }
        require_inputs_elsewhere(options, model, std::span(&folder, 1));
        fs::remove_all(folder, problem);
    }
    if (folder.has_parent_path()) {
        fs::create_directories(folder.parent_path(), problem);
    }
}

}  // namespace alphaprune
