#pragma once

#include <vector>

#include "alphaprune/model/catalogue.hpp"

namespace alphaprune::checkpoint {

/// The tensors of which a file with Storage::bitmask has a mask and values, those that are pruned,
/// in the order in which values follow each other in the file: that of their last matrices.
std::vector<int> masked_order(const model::Catalogue& catalogue);

}  // namespace alphaprune::checkpoint
