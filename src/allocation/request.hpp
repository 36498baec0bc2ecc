#pragma once

#include <span>

#include "alphaprune/allocation/allocation.hpp"

namespace alphaprune::allocation {

/// Checks that there is something to allocate to and that every option lies in its range.
/// @throws Error (bad_request) with every fault found, also when the ratio asked for exceeds
///         max_sparsity and so cannot be met
void check_request(std::span<const AllocationItem> items, const AllocationOptions& options);

}  // namespace alphaprune::allocation
