#pragma once

#include <vector>

#include "blacs_grid.hpp"
#include "distributed_gram.hpp"

namespace alphaprune::linalg {

/// Eigenvalues, ascending, by ScaLAPACK's pdsyev, of the matrix whose lower triangle is given; it
/// is destroyed. Collective over the grid.
/// @throws Error (failure) when pdsyev reports one
std::vector<double> scalapack_eigenvalues(const BlacsGrid& grid, DistributedMatrix& lower);

}  // namespace alphaprune::linalg
