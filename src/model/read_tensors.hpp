#pragma once

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune {

/// Sets shards and tensors from the headers of the weight files in catalogue.folder, and compares
/// them with the index, if there is one.
void read_tensors(Catalogue& catalogue, FaultList& faults);

}  // namespace alphaprune
