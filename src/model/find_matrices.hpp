#pragma once

#include <optional>
#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/model/matrix_choice.hpp"
#include "alphaprune/support/error.hpp"
#include "choice/tensor_role.hpp"

// The steps in which the tensors of a model are listed and its prunable matrices chosen.

namespace alphaprune::model {

/// The tensors that transformers saves for a model of that configuration, in the order of
/// definition (weights that are tied to others are not saved). Their places in files are not set.
/// Faults: a family that is not known by name, a stored type that cannot be generated.
/// @param config  the document that `model` was read from
/// @param where   for errors
std::vector<TensorInfo> list_tensors(const ModelConfiguration& model, const formats::Json& config,
                                     const std::string& where, support::FaultList& faults);

/// The decoder blocks of a model, and what else in it is numbered.
struct ChosenBlocks {
    BlockStack blocks;
    std::vector<BlockTensor> tensors;  ///< inside the blocks, in the order of the files
    std::vector<std::string> others;   ///< "vision_tower.layers.<0-25>": they stay dense
};

/// Which of the numbered parts of a model of an unknown kind are its decoder blocks: those that its
/// configuration describes (count, hidden size, intermediate size); of several such, the ones whose
/// names suggest text or a decoder. Of nested numbers the outer ones count.
/// @return nothing, and a fault, when there are none or when they cannot be told from others
std::optional<ChosenBlocks> choose_blocks(const Catalogue& catalogue, const MatrixChoice& choice,
                                          support::FaultList& faults);

/// Sets catalogue.family, catalogue.decoder and catalogue.matrices, each tensor's `matrix`, and how
/// experts are stored, from the tensors and the configuration. A model of an unknown kind in which
/// no blocks are found has no matrices, and that is no fault yet.
void find_matrices(Catalogue& catalogue, support::FaultList& faults);

/// The two ways to do it.
void find_family_matrices(const Family& family, Catalogue& catalogue, support::FaultList& faults,
                          Fused fused = Fused::split);
/// @param choice  helps to tell the blocks from other parts of the model; what it says of single
///                matrices is left to choose_matrices
/// @return what choose_blocks has found
std::optional<ChosenBlocks> find_generic_matrices(Catalogue& catalogue, const MatrixChoice& choice,
                                                  support::FaultList& faults);

/// Sets which matrices are stored as inputs × outputs.
void find_orientation(Catalogue& catalogue);

/// The matrix that a tensor is as a whole. @pre is_matrix of that tensor
MatrixInfo whole_matrix(const Catalogue& catalogue, int tensor, std::int64_t block);
/// Adds the next matrix: block after block.
void add_matrix(Catalogue& catalogue, MatrixInfo matrix);
/// No tensor is prunable any more.
void forget_matrices(Catalogue& catalogue);

/// Two dimensions, neither of them zero.
bool is_matrix(const TensorInfo& tensor);

/// Whether enough of the blocks has been chosen: adds a fault where experts would silently stay
/// dense or nothing is left to prune, and a warning where little is.
/// @param tensors  inside the blocks
/// @throws Error (bad_request) with these faults and those that are there already
void judge_prunable_share(Catalogue& catalogue, const std::vector<BlockTensor>& tensors,
                          const MatrixChoice& choice, support::FaultList& faults);

}  // namespace alphaprune::model
