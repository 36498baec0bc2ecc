#include "lookup/hugging_face_cache.hpp"

#include <algorithm>
#include <cctype>
#include <system_error>
#include <vector>

#include "alphaprune/model/find_model.hpp"
#include "alphaprune/model/name_list.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/message.hpp"
#include "folder/folder_reading.hpp"

namespace alphaprune::model {
namespace fs = std::filesystem;
namespace {

const support::BadRequest<> kDamagedReference{"model.damaged-reference",
                                              "this file does not name a revision of a model",
                                              "the file in refs of Hugging Face's cache is damaged",
                                              "fetch the model again with Hugging Face's tools"};

const support::BadRequest<std::string> kNotARevision{
    "model.not-a-revision", "'{}' cannot be the name of a revision",
    "it contains an empty part, \".\", \"..\" or a backslash", "name a branch, a tag or a commit"};

const support::BadRequest<std::string> kSeveralRevisions{
    "model.several-revisions", "the cache has several revisions of the model and no main: {}",
    "the model was fetched by the names of revisions only", "choose one of them with --revision"};

const support::BadRequest<std::string, std::string> kAmbiguousRevision{
    "model.ambiguous-revision", "several revisions of the model begin with {}: {}",
    "too few digits of the commit were given", "give more digits of it to --revision"};

/// Whether it is a commit: a path made of it must not lead out of the folder of snapshots.
bool is_commit(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

/// As the shell and Python's os.path do: the home folder for a tilde at the beginning.
fs::path expanded(const std::string& path, const Environment& environment) {
    const auto home = environment("HOME");
    const bool has_tilde = path == "~" || path.starts_with("~/");
    return has_tilde && home ? fs::path(*home + path.substr(1)) : fs::path(path);
}

/// The commit that a branch or tag names; empty when there is no such.
std::string commit_of(const fs::path& reference) {
    constexpr std::uint64_t kLongest = 1024;
    std::error_code reason;
    if (!fs::is_regular_file(reference, reason)) {
        if (reason && !support::is_about_the_path(reason.value())) {
            throw support::path_error("cannot look at the file", reference, reason.value());
        }
        return {};
    }
    std::string commit = support::read_text(reference, kLongest);
    while (!commit.empty() && std::isspace(static_cast<unsigned char>(commit.back())) != 0) {
        commit.pop_back();
    }
    if (!is_commit(commit)) {
        throw kDamagedReference(reference.string());
    }
    return commit;
}

/// Names of snapshots that begin so, sorted.
std::vector<std::string> snapshots_beginning(const fs::path& cached, const std::string& digits) {
    std::vector<std::string> commits;
    std::error_code none;
    for (fs::directory_iterator at(cached / "snapshots", none), end; !none && at != end;
         at.increment(none)) {
        const std::string name = at->path().filename().string();
        if (is_commit(name) && name.starts_with(digits)) {
            commits.push_back(name);
        }
    }
    std::ranges::sort(commits);
    return commits;
}

}  // namespace

std::vector<fs::path> hugging_face_caches(const Environment& environment) {
    std::vector<fs::path> caches;
    const auto add = [&](const char* variable, std::string_view inside) {
        const auto value = environment(variable);
        if (value) {
            const fs::path place = expanded(*value, environment);
            const fs::path cache = inside.empty() ? place : place / inside;
            if (std::ranges::find(caches, cache) == caches.end()) {
                caches.push_back(cache);
            }
        }
        return value.has_value();
    };
    // These name the cache itself. The old name counts where the new one is not set; the third is
    // that of transformers before version 5.
    if (!add("HF_HUB_CACHE", "")) {
        add("HUGGINGFACE_HUB_CACHE", "");
    }
    add("TRANSFORMERS_CACHE", "");
    add("HF_HOME", "hub");
    if (!add("XDG_CACHE_HOME", "huggingface/hub")) {
        add("HOME", ".cache/huggingface/hub");
    }
    return caches;
}

fs::path cached_model(const fs::path& cache, const std::string& repository) {
    std::string folder = "models--" + repository;
    folder.replace(folder.find('/'), 1, "--");
    return cache / folder;
}

std::string repository_of(const fs::path& cached) {
    constexpr std::string_view kLead = "models--";
    std::string name = cached.filename().string();
    if (name.starts_with(kLead)) {
        name.erase(0, kLead.size());
    }
    const std::size_t between = name.find("--");
    return between == std::string::npos ? name : name.replace(between, 2, "/");
}

fs::path snapshot_in(const fs::path& cached, const std::string& revision) {
    constexpr std::size_t kFewestDigits = 7;
    if (!revision.empty() && !is_inner_name(revision)) {
        throw kNotARevision("--revision", revision);
    }
    const std::string commit = commit_of(cached / "refs" / (revision.empty() ? "main" : revision));
    if (!commit.empty()) {
        return cached / "snapshots" / commit;
    }
    if (!revision.empty() && !(is_commit(revision) && revision.size() >= kFewestDigits)) {
        return {};
    }
    const std::vector<std::string> commits = snapshots_beginning(cached, revision);
    if (commits.size() > 1) {
        throw revision.empty() ? kSeveralRevisions(cached.string(), list_names(commits))
                               : kAmbiguousRevision(cached.string(), revision, list_names(commits));
    }
    return commits.empty() ? fs::path() : cached / "snapshots" / commits.front();
}

std::string revisions_in(const fs::path& cached) {
    std::vector<std::string> names;
    std::error_code none;
    const fs::path references = cached / "refs";
    for (fs::recursive_directory_iterator at(references, none), end; !none && at != end;
         at.increment(none)) {
        if (at->is_regular_file(none)) {
            names.push_back(at->path().lexically_relative(references).string());
        }
    }
    std::ranges::sort(names);
    for (std::string& commit : snapshots_beginning(cached, {})) {
        names.push_back(std::move(commit));
    }
    return list_names(names);
}

}  // namespace alphaprune::model
