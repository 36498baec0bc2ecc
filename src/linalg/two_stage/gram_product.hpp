#pragma once

#include "alphaprune/linalg/matrix_source.hpp"
#include "checked_spectrum.hpp"
#include "gram.hpp"
#include "workspace.hpp"

namespace alphaprune::linalg::two_stage {

/// The smaller Gram matrix of `matrix` into the tiles of the workspace, read and computed in Real.
/// Collective over the team; each rank reads a part of the matrix.
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

/// Collective.
template <class Real>
ScaledGram scale_gram(const parallel::Communicator& team, Workspace<Real>& workspace);

}  // namespace alphaprune::linalg::two_stage
