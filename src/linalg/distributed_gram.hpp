#pragma once

#include <cstdint>

#include "alphaprune/linalg/matrix_source.hpp"
#include "blacs_grid.hpp"
#include "checked_spectrum.hpp"

namespace alphaprune::linalg {

/// How much of the longer side the group holds in float64 at a time.
constexpr std::int64_t kGroupPanelDepth = 2048;
/// Rows of a tall matrix that a rank reads at a time, to pick its columns from.
constexpr std::int64_t kSlabRows = 32;

/// A symmetric matrix distributed block-cyclically over a grid; nothing on ranks outside it.
struct DistributedMatrix {
    BlockCyclicLayout layout;
    Matrix local;  ///< column-major, layout.rows.local_size() × layout.cols.local_size()
};

/// Side of the square blocks for a matrix of this order: 32, or less where some rank of the grid
/// would be left without a share (ELPA does not support that).
std::int64_t block_size(std::int64_t order, GridShape grid);

/// The smaller Gram matrix of `matrix` in float64, lower triangle. Each rank of the grid reads its
/// own share of W. Collective over `group`, of which the grid's ranks are the first.
/// @throws Error on all ranks of the group: NaN or Inf, whatever `matrix` throws on any of them
DistributedMatrix distributed_gram(const parallel::Communicator& group, const BlacsGrid& grid,
                                   MatrixSource& matrix);

/// Moments of the lower triangle; the same on all ranks of the group. Collective.
GramMoments moments_of(const parallel::Communicator& group, const DistributedMatrix& lower);

/// Copies the lower triangle into the upper, by way of `scratch`, a matrix of the local size.
/// Collective over the grid.
void mirror_lower_triangle(const BlacsGrid& grid, DistributedMatrix& lower, Matrix& scratch);

}  // namespace alphaprune::linalg
