#include "alphaprune/model/find_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>

#include "alphaprune/model/family.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/message.hpp"
#include "lookup/hugging_face_cache.hpp"

namespace alphaprune::model {
namespace fs = std::filesystem;
namespace {

const support::BadRequest<std::string> kNoSuchRevision{
    "model.no-such-revision", "the cache does not have that revision of the model",
    "the revision was never fetched, or its name is mistyped",
    "fetch it with Hugging Face's tools; what is there: {0}"};

const support::BadRequest<> kRevisionOfAFolder{
    "model.revision-of-a-folder",
    "--revision has no effect with the path of a folder: only caches of Hugging Face's tools have "
    "revisions",
    "the model was given as a path", "leave it out, or name the model as ORG/NAME"};

const support::BadRequest<std::string, std::string> kNoSuchModel{
    "model.no-such-model", "there is no model '{}'",
    "it is neither a path nor a known short name; relative paths start at the working directory of "
    "the job",
    "give --model the path of a folder, or --model-root the folder that contains it; short names "
    "are {1}"};

const support::BadRequest<std::string> kNoWeightsOfShape{
    "model.no-weights-of-shape", "there is no model '{}'",
    "the short name is known, but no folder or cache has weights for it",
    "give --model the path of a folder, or --model-root the folder that contains it; or add "
    "--synthetic for made-up weights in that shape"};

/// As far as this user may see it: the cache of another user has no model for this one.
/// @throws Error (failure) where the system does not say
fs::file_type type_of(const fs::path& path) {
    try {
        return support::status_of(path).type();
    } catch (const support::Error& error) {
        if (error.status() == support::ExitStatus::failed) {
            throw;
        }
        return fs::file_type::none;
    }
}

bool looks_like_path(const std::string& model) {
    return model.empty() || model.starts_with('/') || model.starts_with('.') ||
           model.starts_with('~') || model.ends_with('/') || std::ranges::count(model, '/') > 1;
}

/// Last part of ORG/NAME.
std::string bare_name(const std::string& repository) {
    return repository.substr(repository.find('/') + 1);
}

/// Names that a model's folder may have: the one asked for, and, for a named shape, its names and
/// its repository. Each once.
std::vector<std::string> names_of(const std::string& model) {
    std::vector<std::string> names{model};
    const auto add = [&](std::string name) {
        if (!name.empty() && std::ranges::find(names, name) == names.end()) {
            names.push_back(std::move(name));
        }
    };
    if (const NamedShape* shape = shape_named(model)) {
        const std::string repository(shape->repository);
        add(std::string(shape->name));
        add(std::string(shape->alias));
        add(bare_name(repository));
        add(repository);
    }
    return names;
}

/// Searches one place after another and remembers them.
class Search {
  public:
    explicit Search(std::string revision) : revision_(std::move(revision)) {}

    bool found() const { return !found_.folder.empty(); }
    const FoundModel& result() const { return found_; }
    const std::vector<std::string>& searched() const { return searched_; }

    void look_at(const fs::path& folder) {
        if (!found() && revision_.empty()) {
            searched_.push_back(folder.string());
            take(folder, {});
        }
    }
    void look_in_cache(const fs::path& cache, const std::string& repository) {
        const fs::path cached = cached_model(cache, repository);
        if (!found()) {
            searched_.push_back(cached.string());
            if (const std::string revisions = revisions_in(cached); !revisions.empty()) {
                searched_.back() += fmt::format(" (which has {})", revisions);
            }
            take(snapshot_in(cached, revision_), bare_name(repository));
        }
    }

  private:
    void take(const fs::path& folder, std::string name) {
        if (!folder.empty() && type_of(folder / "config.json") == fs::file_type::regular) {
            found_ = {folder, std::move(name)};
        }
    }

    std::string revision_;
    FoundModel found_;
    std::vector<std::string> searched_;
};

/// models--ORG--NAME in a cache, given as a path.
bool is_cached_model(const fs::path& path) {
    return type_of(path / "snapshots") == fs::file_type::directory &&
           type_of(path / "config.json") == fs::file_type::not_found;
}

FoundModel found_by_path(const fs::path& path, const std::string& revision) {
    const fs::path folder = path.has_filename() ? path : path.parent_path();
    if (is_cached_model(folder)) {
        const fs::path snapshot = snapshot_in(folder, revision);
        if (snapshot.empty()) {
            throw kNoSuchRevision(folder.string(), revisions_in(folder));
        }
        return {snapshot, bare_name(repository_of(folder))};
    }
    if (!revision.empty()) {
        throw kRevisionOfAFolder(path.string());
    }
    return {path};
}

support::Error not_found(const std::string& model, const std::vector<std::string>& searched) {
    const std::string where =
        fmt::format("searched for config.json in {}", fmt::join(searched, ", "));
    if (shape_named(model) != nullptr) {
        return kNoWeightsOfShape(where, model);
    }
    std::vector<std::string_view> names;
    for (const NamedShape& shape : named_shapes()) {
        names.push_back(shape.name);
    }
    return kNoSuchModel(where, model, fmt::format("{}", fmt::join(names, ", ")));
}

}  // namespace

FoundModel find_model(const std::string& model, const ModelPlaces& places) {
    // A folder without a model must not hide a named shape: output folders often have such names.
    const bool is_its_folder =
        type_of(model) == fs::file_type::directory && shape_named(model) == nullptr;
    if (is_its_folder || looks_like_path(model)) {
        return found_by_path(model, places.revision);
    }
    const std::vector<std::string> names = names_of(model);
    Search search(places.revision);
    search.look_at(model);
    if (!places.root.empty()) {
        for (const std::string& name : names) {
            search.look_at(places.root / name);
        }
    }
    std::vector<fs::path> caches = places.caches;
    if (!places.root.empty()) {
        caches.insert(caches.begin(), places.root);
    }
    for (const fs::path& cache : caches) {
        for (const std::string& name : names) {
            if (name.find('/') != std::string::npos) {
                search.look_in_cache(cache, name);
            }
        }
    }
    if (!places.shipped.empty()) {
        search.look_at(places.shipped / model);
    }
    if (!search.found()) {
        throw not_found(places.revision.empty()
                            ? model
                            : fmt::format("{} of the revision {}", model, places.revision),
                        search.searched());
    }
    return search.result();
}

fs::path shipped_models() {
    std::error_code ignored;
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
    const fs::path installed =
        (program.parent_path() / ALPHAPRUNE_DATA_FROM_PROGRAM).lexically_normal();
    for (const fs::path& place : {installed, fs::path(ALPHAPRUNE_DATA_IN_SOURCES)}) {
        if (fs::is_directory(place, ignored)) {
            return place;
        }
    }
    return {};
}

}  // namespace alphaprune::model
