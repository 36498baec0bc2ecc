#pragma once

#include <filesystem>
#include <string>

#include "alphaprune/model/catalogue.hpp"

// Synthetic models: the tensors of a real architecture with made-up weights. Each weight is a
// function of its tensor's name and shape, its row and its column (docs/methods.md), rounded to the
// type the model is stored in: any rank can make any part of any tensor, and all ranks, all runs
// and all machines see the same model. Spectra have heavy tails that lighten with depth, as those
// of trained models do. WeightReader serves them like weights of a file.

namespace alphaprune::model {

struct NamedShape;

/// The catalogue of a synthetic model: the tensors that transformers saves for such a
/// configuration, in the order of definition; its name is the shape's with "-synthetic".
Catalogue synthetic_catalogue(const NamedShape& shape);

/// The same for a folder that has a config.json; weights that it may have are ignored. The
/// tokenizer's files are those of the folder.
/// @param name  for the model; empty: the folder's
/// @throws Error (bad_request) with every fault found: no such folder or file, an architecture
///         whose tensors are not known
Catalogue synthetic_catalogue(const std::filesystem::path& folder, std::string name = {});

}  // namespace alphaprune::model
