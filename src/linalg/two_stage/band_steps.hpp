#pragma once

#include <vector>

#include "alphaprune/linalg/matrix_source.hpp"
#include "checked_spectrum.hpp"
#include "gram.hpp"
#include "workspace.hpp"

namespace alphaprune::linalg::two_stage {

// The way from a matrix to its band, each step collective over the team of the workspace.

/// The smaller Gram matrix of `matrix` into the tiles of the workspace, read and computed in Real.
/// Each rank reads a part of the matrix.
/// @throws Error on all ranks: (bad_request) for NaN or Inf; whatever `matrix` throws
template <class Real>
void gram_product(const parallel::Communicator& team, MatrixSource& matrix, const GramShape& shape,
                  Workspace<Real>& workspace);

/// What the tiles hold, and the power of two by which they were multiplied to bring the largest
/// element near 1: exact, and squares of the elements can then neither overflow nor underflow where
/// that would matter.
struct ScaledGram {
    GramMoments moments;
    int exponent = 0;  ///< the tiles hold the Gram matrix · 2^−exponent
};

template <class Real>
ScaledGram scale_gram(const parallel::Communicator& team, Workspace<Real>& workspace);

/// Orthogonal reduction of the matrix in the tiles to a band of width kBand, by panels: QR of the
/// part of a block column below the band, and A ← A − V·Wᵀ − W·Vᵀ for the rest. The update by one
/// panel and the product A·V of the next go over a tile together. The matrix is destroyed.
/// @returns on the team's root the band as Kernels::chase_bulges takes it, padded() + 2·kBand
///          columns; nothing elsewhere
template <class Real>
std::vector<Real> reduce_to_band(Workspace<Real>& workspace);

}  // namespace alphaprune::linalg::two_stage
