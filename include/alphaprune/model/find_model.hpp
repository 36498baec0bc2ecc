#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace alphaprune::model {

/// Where models that are called by a name are looked for, in this order.
struct ModelPlaces {
    std::filesystem::path root;                 ///< --model-root; empty: none
    std::vector<std::filesystem::path> caches;  ///< hugging_face_caches()
    std::filesystem::path shipped = {};         ///< shipped_models(); empty: none
    std::string revision = {};                  ///< --revision; empty: none is asked for
};

/// The value of an environment variable; nothing when it is not set or empty.
using Environment = std::function<std::optional<std::string>(const std::string& variable)>;

/// The folders in which Hugging Face's tools keep models: $HF_HUB_CACHE (or, as it was called,
/// $HUGGINGFACE_HUB_CACHE), $TRANSFORMERS_CACHE, $HF_HOME/hub, and hub in
/// $XDG_CACHE_HOME/huggingface or ~/.cache/huggingface; those that the environment defines,
/// each once.
std::vector<std::filesystem::path> hugging_face_caches(const Environment& environment);

/// The folder of the models that come with the program (books-7m): share/alphaprune_mpi beside the
/// bin that it runs from, or where it runs from a build tree, data in the sources; empty: neither.
std::filesystem::path shipped_models();

/// A model's folder, and the model's name where that is not the folder's (in a cache).
struct FoundModel {
    std::filesystem::path folder;
    std::string name = {};
};

/// Finds the folder of a model. What is a folder (with a config.json, where a NamedShape has the
/// same name) or looks like a path (absolute, beginning with a dot or a tilde, or with more than
/// one slash) is that folder, whether it exists or not. Everything else is a name: of a NamedShape,
/// ORG/NAME, or of a folder in the root. In the root NAME, ORG/NAME and a cache's layout are tried,
/// in the caches models--ORG--NAME/snapshots/REV with the REV in refs/main (or the only one that is
/// there); for a named shape under its names and those of its repository. Last come the models that
/// are shipped. A place counts where it has a config.json. A folder models--ORG--NAME of a cache
/// may be given as a path, too. Where a revision is asked for, only caches are searched: they alone
/// have any.
/// @throws Error (bad_request) with the places searched, when there is none; when a revision is
///         asked for of a model that is a folder; when a cache has several and none is asked for
FoundModel find_model(const std::string& model, const ModelPlaces& places);

/// For a file given as a model. @throws Error (bad_request) when it is weights in a format that the
/// program does not read, or a file of a model folder; not for anything else
void refuse_other_format(const std::filesystem::path& file);

}  // namespace alphaprune::model
