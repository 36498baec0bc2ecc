#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "alphaprune/linalg/outer_products.hpp"
#include "blacs_grid.hpp"

namespace alphaprune::linalg {

/// Outer products summed and factored by ScaLAPACK, block-cyclic over a near-square grid of the
/// first ranks of the group. The others bring vectors and get rows of the factor all the same.
/// Collective. @param group  outlives the object
/// @throws Error (failure) on all ranks when there is not enough memory
std::unique_ptr<OuterProducts> make_distributed_products(const parallel::Communicator& group,
                                                         std::int64_t order);
/// How many float32 values the busiest rank holds for them.
double distributed_products_values(int ranks, std::int64_t order);

/// Vectors of all ranks of a group, numbered in rank order, distributed over a grid: each is a
/// column of an order × count matrix, whose rows are block-cyclic and whose columns lie in one
/// contiguous piece per grid column.
struct DistributedVectors {
    BlockCyclicLayout layout;
    std::vector<float> local;  ///< column-major
};

/// Collective over `group`, of which the grid's ranks are the first. Each value travels once.
/// @param vectors  this rank's, count × rows.size, row-major; together on all ranks few enough that
///                 their number of values on one rank fits an int
/// @param rows     how the order is distributed over the rows of the grid
DistributedVectors distribute_vectors(const parallel::Communicator& group, const BlacsGrid& grid,
                                      const CyclicDimension& rows, std::span<const float> vectors,
                                      std::int64_t count);

}  // namespace alphaprune::linalg
