#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/pruning/magnitude.hpp"
#include "alphaprune/pruning/row_pruning.hpp"
#include "alphaprune/schedule/spectrum_phase.hpp"

namespace alphaprune {

/// What is asked of one prunable matrix.
struct PruneTarget {
    double ratio = 0;                ///< share of zeros, in [0, 1]; N/M where there is a pattern
    std::optional<Pattern> pattern;  ///< N:M instead of an unstructured choice
};

/// What became of one tensor. The same on every rank.
struct PrunedTensor {
    std::uint64_t checksum = 0;  ///< checksum_of_rows over all rows, after pruning
    std::int64_t zeros = 0;
};

/// Takes the finished rows of a tensor (index into Catalogue::tensors). Called on the rank that
/// holds them, one call at a time, but not always by the same thread; must not communicate.
/// @throws Error
using RowSink = std::function<void(int tensor, RowRange rows, std::span<const std::byte> bytes)>;

/// Streams the whole model through the ranks, each tensor's rows shared out over all of them:
/// prunable matrices are pruned by magnitude to their target, the other tensors pass unchanged.
/// While one is pruned the next is read and the last one written, by a thread beside the calling
/// one: a rank holds its rows of three tensors. Collective. What the sinks receive, all ranks
/// together, does not depend on the number of ranks.
/// @param targets  one a matrix
/// @return one a tensor
/// @throws Error on all ranks: reading, writing, NaN or Inf in a weight
std::vector<PrunedTensor> prune_by_magnitude(const Communicator& ranks, const Catalogue& catalogue,
                                             std::span<const PruneTarget> targets, Ties ties,
                                             const RowSink& sink, const Progress& progress);

}  // namespace alphaprune
