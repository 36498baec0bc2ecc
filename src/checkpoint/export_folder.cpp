#include "export_folder.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "alphaprune/model/auxiliary_files.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/message.hpp"
#include "plain_files.hpp"

namespace alphaprune::checkpoint {
namespace fs = std::filesystem;
namespace {

constexpr const char* kTakenRemedy = "remove it, or choose another place";

const support::BadRequest<> kNotAFolder{
    "checkpoint.export-not-a-folder", "the folder to write exists already, and is no folder",
    "a file or a link has the name of the folder", kTakenRemedy};

const support::BadRequest<> kNotEmpty{
    "checkpoint.export-not-empty", "the folder to write exists already, with files in it",
    "only an empty folder is written into, so that nothing is lost", kTakenRemedy};

const support::Failure<std::string> kCannotMake{
    "checkpoint.export-folder", "cannot make the folder: {}", "the system refuses it",
    "check that the folder it lies in exists and may be written to"};

constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kConfigurationFile = "config.json";

bool is_shard(const fs::path& name, const ExportShards& plan) {
    return std::ranges::find(plan.shards, name.string(), &ExportShard::file) != plan.shards.end();
}

/// The files beside the shards, by their names inside the folder.
std::set<std::string> small_files(const model::Catalogue& catalogue) {
    std::vector<std::string> names = model::names_of_auxiliary_files(catalogue);
    std::set<std::string> files(names.begin(), names.end());
    files.insert({kIndex, kConfigurationFile});
    return files;
}

/// The entries of the folder. @throws Error when it cannot be listed
std::vector<fs::path> entries_of(const fs::path& folder) {
    std::vector<fs::path> entries;
    std::error_code problem;
    for (fs::directory_iterator at(folder, problem), end; !problem && at != end;
         at.increment(problem)) {
        entries.push_back(at->path());
    }
    if (problem) {
        throw support::path_error("cannot list the folder", folder, problem.value());
    }
    return entries;
}

bool has_file_in(const std::set<std::string>& files, const fs::path& folder) {
    const std::string beginning = folder.string() + "/";
    const auto first = files.lower_bound(beginning);
    return first != files.end() && first->starts_with(beginning);
}

/// Whether this, inside a folder to be taken over, is one of those files, whole or still under its
/// partial name, or a folder of such.
bool is_small_file(const fs::path& folder, const fs::path& name,
                   const std::set<std::string>& files) {
    if (is_plain_file(folder / name)) {
        const fs::path whole = name.parent_path() / name.stem();
        return files.contains(name) ||
               (support::partial_name(whole) == name && files.contains(whole));
    }
    return is_plain_folder(folder / name) && has_file_in(files, name) &&
           std::ranges::all_of(entries_of(folder / name), [&](const fs::path& entry) {
               return is_small_file(folder, name / entry.filename(), files);
           });
}

/// Whether an earlier run has made this folder.
bool is_ours(const fs::path& folder, const model::Catalogue& catalogue, const ExportShards& plan) {
    if (!is_plain_folder(folder)) {
        return false;
    }
    const std::set<std::string> files = small_files(catalogue);
    std::size_t shards = 0;
    for (const fs::path& entry : entries_of(folder)) {
        const bool shard = is_shard(entry.filename(), plan) && is_plain_file(entry);
        if (!shard && !is_small_file(folder, entry.filename(), files)) {
            return false;
        }
        shards += shard ? 1 : 0;
    }
    return shards == plan.shards.size();
}

/// Makes the folders that lie between a folder and a file inside it.
void make_folders_of(const fs::path& folder, const fs::path& name) {
    fs::path inner;
    for (const fs::path& part : name.parent_path()) {
        inner /= part;
        support::make_own_folder(folder / inner);
    }
}

}  // namespace

fs::path without_last_slash(const fs::path& folder) {
    return folder.has_filename() ? folder : folder.parent_path();
}

void require_free(const fs::path& folder) {
    const auto status = support::link_status_of(folder);
    if (!fs::exists(status)) {
        return;
    }
    if (!fs::is_directory(status)) {
        throw kNotAFolder(folder.string());
    }
    if (!entries_of(folder).empty()) {
        throw kNotEmpty(folder.string());
    }
}

bool take_over_folder(const fs::path& folder, const model::Catalogue& catalogue,
                      const ExportShards& plan) {
    const fs::path partial = support::partial_name(folder);
    std::error_code problem;
    if (!fs::exists(support::link_status_of(partial)) && is_ours(folder, catalogue, plan)) {
        fs::rename(folder, partial, problem);
    }
    if (!is_ours(partial, catalogue, plan)) {
        return false;
    }
    for (const fs::path& entry : entries_of(partial)) {
        if (!is_shard(entry.filename(), plan)) {
            fs::remove_all(entry, problem);  // written again at the end
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
        throw kCannotMake(partial.string(), problem.message());
    }
}

void write_small_files(const fs::path& folder, const model::Catalogue& catalogue,
                       const ExportShards& plan) {
    if (plan.shards.size() > 1) {
        support::write_text_atomically(folder / kIndex, safetensors_index(plan, catalogue.tensors));
    }
    for (const model::AuxiliaryFile& auxiliary_file : model::read_auxiliary_files(catalogue)) {
        make_folders_of(folder, auxiliary_file.name);
        support::write_text_atomically(folder / auxiliary_file.name, auxiliary_file.contents);
    }
    support::write_text_atomically(folder / kConfigurationFile, catalogue.configuration_text);
}

}  // namespace alphaprune::checkpoint
