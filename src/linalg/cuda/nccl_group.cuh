#pragma once

#include <memory>

#include "alphaprune/linalg/far_group.hpp"
#include "cuda/check.cuh"

namespace alphaprune::linalg {

// Groups of cards by NCCL, which is loaded when a group is asked for: a node needs none. Functions
// throw device::CardError (refused).

/// Throws also where there is no NCCL, or the module was built without its header.
FarGroupKey make_nccl_key();

/// Collective: the current card joins. @param stream  of its work, outlives the group
std::unique_ptr<FarGroup> join_nccl_group(cudaStream_t stream, const FarGroupKey& key, int rank,
                                          int ranks);

}  // namespace alphaprune::linalg
