#pragma once

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// Adds a fault where weights of the decoder's blocks are stored in a quantised form, which shows
/// in the tensors beside them, and a warning where config.json says so and they are not: it may
/// concern other parts, or be done anew whenever the model is loaded.
/// @param catalogue  with its matrices, if they could be found
void judge_quantization(Catalogue& catalogue, support::FaultList& faults);

}  // namespace alphaprune::model
