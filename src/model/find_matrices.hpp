#pragma once

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune {

/// Sets catalogue.family and catalogue.matrices, and each tensor's `matrix`, from the tensors and
/// the configuration.
void find_matrices(Catalogue& catalogue, FaultList& faults);

/// The two ways to do it.
void find_family_matrices(const Family& family, Catalogue& catalogue, FaultList& faults);
void find_generic_matrices(Catalogue& catalogue, FaultList& faults);

/// Adds the tensor as the next matrix.
void add_matrix(Catalogue& catalogue, int tensor, std::int64_t block);

/// Two dimensions, neither of them zero.
bool is_matrix(const TensorInfo& tensor);

}  // namespace alphaprune
