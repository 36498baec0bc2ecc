#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::commands {

/// Whether a path names a checkpoint.h5 rather than a model folder.
bool is_checkpoint(const std::filesystem::path& model);

/// Collective: the catalogue of the model asked for, a folder, a checkpoint.h5, a model found by
/// its name or a synthetic one, with the blocks asked for. Read on rank 0; its warnings are logged.
/// @throws Error
model::Catalogue load_model(const parallel::Communicator& ranks, const cli::Options& options);

/// Collective: the catalogue of the folder or checkpoint.h5 at that path. @throws Error
model::Catalogue load_catalogue(const parallel::Communicator& ranks,
                                const std::filesystem::path& model);

/// Logs what a user should know before relying on the result.
void say_warnings(const std::vector<std::string>& warnings);

/// What readers of the results should know of how the model was chosen.
std::vector<std::string> notes_on(const model::Catalogue& catalogue, const cli::Options& options);

/// Where this rank reads the rows of a model. Opens files when first asked.
/// @param catalogue  outlives the source
model::RowSource open_source(const model::Catalogue& catalogue);

}  // namespace alphaprune::commands
