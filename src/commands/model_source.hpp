#pragma once

#include <filesystem>
#include <memory>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/row_source.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune {

/// Whether a path names a checkpoint.h5 rather than a model folder.
bool is_checkpoint(const std::filesystem::path& model);

/// Collective: the catalogue of a model folder or of a checkpoint.h5, read on rank 0.
Catalogue load_catalogue(const Communicator& ranks, const std::filesystem::path& model);

/// Where this rank reads the rows of that model. Opens files when first asked.
/// @param catalogue  outlives the source
RowSource open_source(const std::filesystem::path& model, const Catalogue& catalogue);

}  // namespace alphaprune
