#pragma once

#include <vector>

#include "tiled_matrix.hpp"

namespace alphaprune::two_stage {

/// Orthogonal reduction of a symmetric matrix to a band of width kBand, by panels: QR of the part
/// of a block column below the band, and A ← A − V·Wᵀ − W·Vᵀ for the rest. The update by one panel
/// and the product A·V of the next go over a tile together. The matrix is destroyed.
/// @returns the band as Kernels::chase_bulges takes it, padded() + 2·kBand columns
template <class Real>
std::vector<Real> reduce_to_band(TiledMatrix<Real>& matrix);

}  // namespace alphaprune::two_stage
