#pragma once

#include <optional>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/model/matrix_choice.hpp"
#include "alphaprune/support/error.hpp"
#include "choice/choose_matrices.hpp"

namespace alphaprune::model {

/// Sets catalogue.family, catalogue.decoder and catalogue.matrices, and each tensor's `matrix`,
/// from the tensors and the configuration. A model of an unknown kind in which no blocks are found
/// has no matrices, and that is no fault yet.
void find_matrices(Catalogue& catalogue, support::FaultList& faults);

/// The two ways to do it.
void find_family_matrices(const Family& family, Catalogue& catalogue, support::FaultList& faults);
/// @param choice  helps to tell the blocks from other parts of the model; what it says of single
///                matrices is left to choose_matrices
/// @return what choose_blocks has found
std::optional<ChosenBlocks> find_generic_matrices(Catalogue& catalogue, const MatrixChoice& choice,
                                                  support::FaultList& faults);

/// Sets which matrices are stored as inputs × outputs.
void find_orientation(Catalogue& catalogue);

/// The matrix that a tensor is as a whole. @pre is_matrix of that tensor
MatrixInfo whole_matrix(const Catalogue& catalogue, int tensor, std::int64_t block);
/// Adds the next matrix. Slices of one tensor come one after another.
void add_matrix(Catalogue& catalogue, MatrixInfo matrix);
/// No tensor is prunable any more.
void forget_matrices(Catalogue& catalogue);

/// Two dimensions, neither of them zero.
bool is_matrix(const TensorInfo& tensor);

}  // namespace alphaprune::model
