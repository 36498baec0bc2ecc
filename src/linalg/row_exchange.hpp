#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "blacs_grid.hpp"

namespace alphaprune::linalg {

/// Vectors of all ranks of a group, numbered through in rank order, spread over a grid: each is a
/// column of an order × count matrix, its rows dealt out in blocks, the columns in one contiguous
/// piece a grid column.
struct SpreadVectors {
    BlockCyclicLayout layout;
    std::vector<float> local;  ///< column-major
};

/// Collective over `group`, of which the grid's ranks are the first. Each value travels once.
/// @param vectors  this rank's, count × rows.size, row-major; together on all ranks few enough that
///                 their number of values on one rank fits an int
/// @param rows     how the order is dealt out over the rows of the grid
SpreadVectors spread_vectors(const parallel::Communicator& group, const BlacsGrid& grid,
                             const CyclicDimension& rows, std::span<const float> vectors,
                             std::int64_t count);

}  // namespace alphaprune::linalg
