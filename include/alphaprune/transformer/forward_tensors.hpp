#pragma once

#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::transformer {

/// The tensors whose values take part in the forward pass, prunable or not: those must be finite
/// and of a type that is read, while a buffer beside them may hold anything. Of a family whose
/// forward pass is known, the tensors that it uses, as far as they are there; of any other, what is
/// named like the parameter of a module and stored in a type that is read: every "<any>.weight",
/// and every
/// "<any>.bias" of one dimension (masks of attention are called "bias", too).
/// @return indices into Catalogue::tensors, ascending, each once
std::vector<int> forward_tensors(const model::Catalogue& catalogue);

/// Those of them that are not prunable.
std::vector<int> unpruned_forward_tensors(const model::Catalogue& catalogue);

}  // namespace alphaprune::transformer
