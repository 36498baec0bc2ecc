#pragma once

#include <optional>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/matrix_choice.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// The blocks that are meant, and what else is numbered.
struct ChosenBlocks {
    BlockStack blocks;
    std::vector<std::string> others;  ///< "vision_tower.layers.<0-25>": they stay dense
};

/// Which of the numbered parts of a model of an unknown kind are its decoder blocks: those that its
/// configuration describes (count, hidden size, intermediate size); of several such, the ones whose
/// names speak of text or of a decoder. Of numbers inside numbers the outer ones count.
/// @return nothing, and a fault, when there are none or when they cannot be told from others
std::optional<ChosenBlocks> choose_blocks(const Catalogue& catalogue, const MatrixChoice& choice,
                                          support::FaultList& faults);

}  // namespace alphaprune::model
