#pragma once

#include <span>
#include <string>

namespace alphaprune::pruning {

/// Refuses inputs that are no numbers. The sums of their squares are enough to tell: whatever is
/// not finite in an input is not finite in its square.
/// @param squares  one an input: their sums, or anything that follows from these
/// @param where    block and matrix, for the message
/// @throws Error (failure), agreed: `squares` are the same on all ranks
void require_finite_inputs(std::span<const float> squares, const std::string& where);

}  // namespace alphaprune::pruning
