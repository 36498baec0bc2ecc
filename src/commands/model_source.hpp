#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "alphaprune/commands/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/row_source.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune {

/// Whether a path names a checkpoint.h5 rather than a model folder.
bool is_checkpoint(const std::filesystem::path& model);

/// Collective: the catalogue of what is asked for, a folder, a checkpoint.h5, a model found by its
/// name or a synthetic one, with the blocks that are asked for. Read on rank 0. @throws Error
Catalogue load_model(const Communicator& ranks, const Options& options);

/// Collective: the catalogue of the folder or checkpoint.h5 at that path. @throws Error
Catalogue load_catalogue(const Communicator& ranks, const std::filesystem::path& model);

/// Logs what a user should know before relying on the result.
void say_warnings(const std::vector<std::string>& warnings);

/// What whoever reads the results should know of the model.
std::vector<std::string> notes_on(const Catalogue& catalogue, const Options& options);

/// Where this rank reads the rows of a model. Opens files when first asked.
/// @param catalogue  outlives the source
RowSource open_source(const Catalogue& catalogue);

}  // namespace alphaprune
