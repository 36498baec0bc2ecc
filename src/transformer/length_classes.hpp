#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "alphaprune/parallel/share.hpp"

namespace alphaprune::transformer {

/// Sequences that are run together, padded to the length of the first: ranges of a list that is
/// sorted by length, descending. Each further class takes a pass through the whole model, each
/// padded token a token's work: the classes that take the least together.
/// @param lengths       descending
/// @param pass_tokens   tokens whose work takes as long as reading the model once more
std::vector<parallel::RowRange> length_classes(std::span<const std::int64_t> lengths,
                                               std::int64_t pass_tokens);

}  // namespace alphaprune::transformer
