#pragma once

#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// The tensors that transformers saves for a model of that configuration, in the order of
/// definition (weights that are tied to others are not saved). Their place in files is left open.
/// Faults: a family the program does not know by name, a stored type it does not read.
/// @param config  the document that `model` was read from
/// @param where   for errors
std::vector<TensorInfo> list_tensors(const ModelConfiguration& model, const formats::Json& config,
                                     const std::string& where, support::FaultList& faults);

}  // namespace alphaprune::model
