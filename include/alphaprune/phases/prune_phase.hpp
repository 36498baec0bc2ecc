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
#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/pruning/magnitude.hpp"
#include "alphaprune/pruning/pruned_tensor.hpp"
#include "alphaprune/pruning/row_pruning.hpp"
#include "alphaprune/resume/journal.hpp"

namespace alphaprune::phases {

/// What is asked of one prunable matrix.
struct PruneTarget {
    double ratio = 0;  ///< share of zeros, in [0, 1]; N/M where there is a pattern
    std::optional<pruning::Pattern> pattern;  ///< N:M instead of an unstructured choice
};

/// Takes finished rows. Called on the rank that holds them, one call at a time, but not always by
/// the same thread; must not communicate.
/// @throws Error
using RowSink =
    std::function<void(const resume::WrittenRows& rows, std::span<const std::byte> bytes)>;

/// What earlier attempts at a run have left of its pruned tensors.
struct EarlierTensors {
    /// One a tensor: those that need not be done again; empty: none. The same on every rank.
    std::vector<std::optional<pruning::PrunedTensor>> done = {};
    resume::Journal* journal = nullptr;  ///< for what is between the tensors; nullptr: not kept
    /// Is told on rank 0 of each tensor that is indeed not done again.
    std::function<void(int tensor)> kept = {};
    /// This rank's rows of such a tensor. @throws Error
    std::function<void(int tensor, parallel::RowRange rows, std::span<std::byte> out)> read = {};
    /// Makes durable all that the sink has taken on this rank.
    std::function<void()> make_durable = {};

    bool has(int tensor) const {
        return !done.empty() && done[static_cast<std::size_t>(tensor)].has_value();
    }
};

/// Streams the whole model through the ranks, each tensor's rows shared out over all of them:
/// prunable matrices are pruned by magnitude to their target, the other tensors pass unchanged.
/// While one is pruned the next is read and the last one written, by a thread beside the calling
/// one: a rank holds its rows of three tensors. Collective. What the sinks receive, all ranks
/// together, does not depend on the number of ranks.
/// @param targets  one a matrix
/// @param earlier  tensors that are passed over
/// @return one a tensor, the same on every rank
/// @throws Error on all ranks: reading, writing, NaN or Inf in a prunable weight, a stop
std::vector<pruning::PrunedTensor> prune_by_magnitude(const parallel::Communicator& ranks,
                                                      const model::Catalogue& catalogue,
                                                      std::span<const PruneTarget> targets,
                                                      pruning::Ties ties, const RowSink& sink,
                                                      const Progress& progress,
                                                      const EarlierTensors& earlier = {});

}  // namespace alphaprune::phases
