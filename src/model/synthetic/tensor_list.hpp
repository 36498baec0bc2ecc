#pragma once

#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// The tensors that transformers saves for a model of that configuration, in the order of
/// definition (weights that are tied to others are not saved). Their places in files are not set.
/// Faults: a family that is not known by name, a stored type that cannot be generated.
/// @param config  the document that `model` was read from
/// @param where   for errors
std::vector<TensorInfo> list_tensors(const ModelConfiguration& model, const formats::Json& config,
                                     const std::string& where, support::FaultList& faults);

}  // namespace alphaprune::model
