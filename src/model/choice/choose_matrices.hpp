#pragma once

#include <optional>
#include <string>
#include <vector>

#include "alphaprune/model/matrix_choice.hpp"
#include "alphaprune/support/error.hpp"
#include "choice/tensor_role.hpp"

// The steps in which the prunable matrices are chosen (choose_matrices puts them together).

namespace alphaprune::model {

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

/// Whether enough of the blocks has been chosen: adds a fault where experts would silently stay
/// dense or nothing is left to prune, and a warning where little is.
/// @param tensors  inside the blocks
/// @throws Error (bad_request) with these faults and those that are there already
void judge_prunable_share(Catalogue& catalogue, const std::vector<BlockTensor>& tensors,
                          const MatrixChoice& choice, support::FaultList& faults);

}  // namespace alphaprune::model
