#pragma once

#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/name_pattern.hpp"

namespace alphaprune::model {

/// What a user says about which matrices are pruned. A name that both lists match is left out.
struct MatrixChoice {
    std::vector<NamePattern> include;  ///< of 2-D tensors that the program would leave out
    std::vector<NamePattern> exclude;  ///< of tensors that stay as they are

    bool includes(std::string_view name) const;
    bool excludes(std::string_view name) const;
};

/// Finds the matrices of a catalogue anew: the linear layers of the decoder blocks, and what the
/// user says. Adds to its warnings what stays dense although it is much.
/// @throws Error (bad_request) with every fault found: no blocks, blocks that cannot be told from
///         others, experts stacked in one tensor (they would silently stay dense), a pattern that
///         matches nothing
void choose_matrices(Catalogue& catalogue, const MatrixChoice& choice);

}  // namespace alphaprune::model
