#pragma once

#include <filesystem>
#include <string>

namespace alphaprune::model {

/// models--ORG--NAME in a cache of Hugging Face's tools, for ORG/NAME.
std::filesystem::path cached_model(const std::filesystem::path& cache,
                                   const std::string& repository);

/// ORG/NAME for such a folder, or what is left of it.
std::string repository_of(const std::filesystem::path& cached);

/// The snapshot of a revision in such a folder, whether it exists or not.
/// @param revision  a branch or a tag (in refs), a commit or the first seven digits of it or more;
///                  empty: main, or, where the cache has no main, the only snapshot
/// @return  empty when there is no such revision
/// @throws Error (bad_request) when there are several, or it is said in a way that leads elsewhere
std::filesystem::path snapshot_in(const std::filesystem::path& cached,
                                  const std::string& revision = {});

/// The revisions that such a folder has, by name: "main, v1.0, 0123abcd…"; empty when there is
/// none.
std::string revisions_in(const std::filesystem::path& cached);

}  // namespace alphaprune::model
