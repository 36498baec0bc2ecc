#include "export_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "alphaprune/model/companions.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "plain_files.hpp"

namespace alphaprune {
namespace fs = std::filesystem;
namespace {

constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kConfiguration = "config.json";

bool is_shard(const fs::path& name, const ExportShards& plan) {
    return std::ranges::find(plan.shards, name.string(), &ExportShard::file) != plan.shards.end();
}

/// One of the files beside the shards, whole or still under its partial name.
bool is_small_file(const fs::path& name, const Catalogue& catalogue) {
    const fs::path whole = partial_name(name.stem()) == name ? name.stem() : name;
    return whole == kIndex || whole == kConfiguration || is_companion(whole.string()) ||
           (catalogue.companions &&
            std::ranges::find(*catalogue.companions, whole.string(), &Companion::name) !=
                catalogue.companions->end());
}

/// What stands in the folder; nothing when that cannot be said.
std::vector<fs::path> entries_of(const fs::path& folder) {
    std::vector<fs::path> entries;
    std::error_code problem;
    for (fs::directory_iterator at(folder, problem), end; !problem && at != end;
         at.increment(problem)) {
        entries.push_back(at->path());
    }
    return problem ? std::vector<fs::path>() : entries;
}

/// Whether an earlier run has made this folder.
bool is_ours(const fs::path& folder, const Catalogue& catalogue, const ExportShards& plan) {
    if (!is_plain_folder(folder)) {
        return false;
    }
    std::size_t shards = 0;
    for (const fs::path& entry : entries_of(folder)) {
        const bool shard = is_shard(entry.filename(), plan);
        if (!is_plain_file(entry) || !(shard || is_small_file(entry.filename(), catalogue))) {
            return false;
        }
        shards += shard ? 1 : 0;
    }
    return shards == plan.shards.size();
}

}  // namespace

fs::path without_last_slash(const fs::path& folder) {
    return folder.has_filename() ? folder : folder.parent_path();
}

void require_free(const fs::path& folder) {
    std::error_code problem;
    const auto status = fs::symlink_status(folder, problem);
    if (!fs::exists(status)) {
        return;
    }
    if (!fs::is_directory(status)) {
        throw bad_request("the folder to write exists already, and is no folder", folder.string(),
                          "remove it, or choose another place");
    }
    if (!fs::is_empty(folder, problem) || problem) {
        throw bad_request("the folder to write exists already, with files in it", folder.string(),
                          "remove it, or choose another place");
    }
}

bool take_over_folder(const fs::path& folder, const Catalogue& catalogue,
                      const ExportShards& plan) {
    const fs::path partial = partial_name(folder);
    std::error_code problem;
    if (!fs::exists(fs::symlink_status(partial, problem)) && is_ours(folder, catalogue, plan)) {
        fs::rename(folder, partial, problem);
    }
    if (!is_ours(partial, catalogue, plan)) {
        return false;
    }
    for (const fs::path& entry : entries_of(partial)) {
        if (!is_shard(entry.filename(), plan)) {
            fs::remove(entry, problem);  // written again at the end
        }
    }
    return true;
}

void make_empty(const fs::path& partial) {
    std::error_code problem;
    fs::remove_all(partial, problem);
    if (!problem) {
        fs::create_directory(partial, problem);
    }
    if (problem) {
        throw failure(fmt::format("cannot make the folder: {}", problem.message()),
                      partial.string(),
                      "check that the folder it lies in exists and may be written to");
    }
}

void write_small_files(const fs::path& folder, const Catalogue& catalogue,
                       const ExportShards& plan) {
    if (plan.shards.size() > 1) {
        write_text_atomically(folder / kIndex, safetensors_index(plan, catalogue.tensors));
    }
    for (const Companion& companion : read_companions(catalogue)) {
        write_text_atomically(folder / companion.name, companion.contents);
    }
    write_text_atomically(folder / kConfiguration, catalogue.configuration_text);
}

}  // namespace alphaprune
