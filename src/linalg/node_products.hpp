#pragma once

#include <cstdint>
#include <memory>

#include "alphaprune/linalg/outer_products.hpp"

namespace alphaprune::linalg {

/// Outer products in the shared memory of each node, for orders that are too large for every rank
/// to have a matrix, where the program is built without ScaLAPACK: the ranks of a node add to one
/// matrix, each to rows of its own; rank 0 factors the sum of the nodes, and each node has the
/// factor once. Collective.
/// @param group  outlives the object
/// @param node   the ranks of the group that share memory with this one, ordered as in the group
/// @throws Error (failure) on all ranks when there is not enough memory
std::unique_ptr<OuterProducts> make_node_products(const parallel::Communicator& group,
                                                  parallel::Communicator node, std::int64_t order);
/// How many float32 values a rank holds for them: its part of what its node shares.
double node_products_values(int node_ranks, std::int64_t order);

}  // namespace alphaprune::linalg
