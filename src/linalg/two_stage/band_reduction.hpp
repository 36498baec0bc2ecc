#pragma once

#include <vector>

#include "workspace.hpp"

namespace alphaprune::linalg::two_stage {

/// Orthogonal reduction of the matrix in the tiles to a band of width kBand, by panels: QR of the
/// part of a block column below the band, and A ← A − V·Wᵀ − W·Vᵀ for the rest. The update by one
/// panel and the product A·V of the next go over a tile together. The matrix is destroyed.
/// Collective over the team of the workspace.
/// @returns on the team's root the band as Kernels::chase_bulges takes it, padded() + 2·kBand
///          columns; nothing elsewhere
template <class Real>
std::vector<Real> reduce_to_band(Workspace<Real>& workspace);

}  // namespace alphaprune::linalg::two_stage
