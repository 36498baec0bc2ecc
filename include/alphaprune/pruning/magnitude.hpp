#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/support/scalar.hpp"

namespace alphaprune::pruning {

/// Zeroes the weights of smallest magnitude of one matrix that is spread over the ranks, each
/// holding some consecutive values (rank order is row-major order; a rank may hold none).
/// The threshold is found exactly, from all-reduced histograms of bit patterns; the result does
/// not depend on how the matrix is spread. Collective. Values must be finite.
///
/// @param values  this rank's stored values, changed in place
/// @param ratio   share to remove, in [0, 1]
/// @return zeros among this rank's values afterwards (those that were zero before included)
std::int64_t prune_magnitude(const parallel::Communicator& ranks, std::span<std::byte> values,
                             support::ScalarType type, double ratio, Ties ties);

}  // namespace alphaprune::pruning
