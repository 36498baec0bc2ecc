#pragma once

#include <span>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::model {

/// The tensors that the prunable matrices lie in, ascending.
std::vector<int> prunable_tensors(const Catalogue& catalogue);

/// Checks that these tensors are stored in a type that is read (ScalarType); all others may have
/// any type, for they are only carried.
/// @param what  they are, as in "prunable weights"
/// @throws Error (bad_request) with a fault for each type that is not read, naming the tensors
void require_weight_types(const Catalogue& catalogue, std::span<const int> tensors,
                          const std::string& what);

}  // namespace alphaprune::model
