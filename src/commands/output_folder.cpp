#include "output_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/machine.hpp"

namespace alphaprune {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 7> kOwnEntries{
    "report.json", "report.html", "matrices.csv", "checkpoint.h5", "run.log", "metrics", "hf"};

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

void remove_former_results(const fs::path& folder) {
    for (const std::string_view entry : kOwnEntries) {
        std::error_code problem;
        fs::remove_all(folder / entry, problem);
        if (!problem) {
            fs::remove_all(partial_name(folder / entry), problem);
        }
        if (problem) {
            throw bad_request(fmt::format("cannot remove the former result: {}", problem.message()),
                              (folder / entry).string(), "choose another --output");
        }
    }
}

/// Whether the output exists; everything that must hold before work starts does.
bool check_place(const Options& options, const fs::path& model, std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    std::error_code problem;
    const bool exists = fs::exists(fs::symlink_status(folder, problem));
    if (exists && !options.overwrite) {
        throw bad_request("the output folder exists already", folder.string(),
                          "choose another --output, or give --overwrite to replace the results "
                          "in it");
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
        remove_former_results(folder);
    }
}

void prepare_export_folder(const Options& options, const fs::path& model,
                           std::uint64_t bytes_needed) {
    const fs::path& folder = options.output;
    std::error_code problem;
    if (check_place(options, model, bytes_needed)) {
        if (!fs::exists(folder / "config.json", problem) && !fs::is_empty(folder, problem)) {
            throw bad_request("this folder holds something else than a model", folder.string(),
                              "choose another --output");
        }
        fs::remove_all(folder, problem);
    }
    if (folder.has_parent_path()) {
        fs::create_directories(folder.parent_path(), problem);
    }
}

}  // namespace alphaprune
