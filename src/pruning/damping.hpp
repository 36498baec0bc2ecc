#pragma once

#include <string>
#include <vector>

#include "alphaprune/linalg/outer_products.hpp"

namespace alphaprune::pruning {

/// Inputs whose diagonal element of H is zero: nothing ever came through them.
std::vector<bool> dead_among(const std::vector<float>& diagonal);

/// Factors the inverse of H with damping times the mean diagonal added to its diagonal, where
/// damping is 0.01, or as much more, tenfold each time and up to 1.0, as it takes to make H
/// positive definite. Collective.
/// @param diagonal  of H, with 1 for dead inputs
/// @param where     block and matrix, for messages
/// @return the damping it took
/// @throws Error (failure) on all ranks when none of them is enough or H is not finite
double factor_damped(linalg::OuterProducts& hessian, const std::vector<float>& diagonal,
                     const std::string& where);

}  // namespace alphaprune::pruning
