#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/resume/journal.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::phases {

/// Where the rows of a pruned model go to, and where those of an earlier attempt at the run come
/// from. By default there was no such attempt.
class TensorStore {
  public:
    virtual ~TensorStore() = default;

    /// Tensors that are to come in this order, each announced before its rows; all others come in
    /// any order, and need not be announced. The same on every rank.
    virtual std::vector<int> order() const { return {}; }
    /// Collective: this rank will write these rows of a tensor of order(), in their order, of which
    /// so many values are not zero (formats::count_values). @throws Error on all ranks
    virtual void announce(int /*tensor*/, parallel::RowRange /*rows*/, std::uint64_t /*values*/) {}

    /// Takes rows that are done. Called on the rank that holds them, one call at a time, but not
    /// always by the same thread; must not communicate. @throws Error
    virtual void write_rows(const resume::WrittenRows& rows, std::span<const std::byte> bytes) = 0;
    /// Makes durable all that was written on this rank. @throws Error
    virtual void make_durable() {}

    /// What an earlier attempt has left of a tensor that need not be done again: the same on every
    /// rank.
    virtual std::optional<pruning::PrunedTensor> finished(int /*tensor*/) const { return {}; }
    /// On rank 0: a finished tensor stays as it is.
    virtual void keep(int /*tensor*/) {}
    /// Rows of a finished tensor. Must not communicate. @throws Error
    virtual void read_rows(int /*tensor*/, parallel::RowRange /*rows*/,
                           std::span<std::byte> /*out*/) const {}

    /// For what lies between the tensors: hidden states and notes; nullptr: they are not kept.
    virtual resume::Journal* journal() { return nullptr; }
};

/// When the matrices of a decoder block are pruned.
enum class SiteOrder {
    together,    ///< the inputs of all sites come from the block while it is dense, as published
    sequential,  ///< site after site: inputs come from what is pruned so far
};

/// How a model is to be pruned.
struct PruneRequest {
    const pruning::Pruner& pruner;
    pruning::PrunerSettings settings = {};
    std::span<const pruning::PruneTarget> targets;  ///< one per matrix
    /// Whose activations are looked at; of no use to a pruner that needs none.
    const model::TokenSequences& calibration;
    SiteOrder site_order = SiteOrder::together;
    /// Where statistics of a whole block would need too much memory: of each block, the first site
    /// of each turn in which they are gathered and pruned, ascending. Empty: all at once. Changes
    /// no result.
    std::span<const std::vector<std::size_t>> turns = {};
    /// One per sequence, not zero where it gives no statistics, but is scored; empty: none is. Not
    /// the first.
    std::span<const std::uint8_t> held_out = {};
    /// Only so many blocks are pruned, the first of the prunable ones; nothing: all.
    std::optional<int> most_blocks = {};
    /// Whose blocks are run; nullptr: the family that the model is of. Outlives the run.
    const model::Family* family = nullptr;
    /// Whose zeros in the matrices stay zero (require_mask); nullptr: the choice is free.
    const model::Catalogue* mask = nullptr;
    transformer::ForwardSettings forward = {};  ///< what runs the blocks

    std::vector<std::size_t> turns_of(int block) const {
        return turns.empty() ? std::vector<std::size_t>{0} : turns[static_cast<std::size_t>(block)];
    }
    bool gives_statistics(std::int64_t sequence) const {
        return held_out.empty() || held_out[static_cast<std::size_t>(sequence)] == 0;
    }
    /// How many sequences do.
    std::int64_t statistics() const {
        return calibration.count() - std::ranges::count_if(held_out, std::identity());
    }
};

/// @throws Error (bad_request) when the mask has not, for each prunable matrix, a tensor of its
/// name
///         and shape, of a type that is read
void require_mask(const model::Catalogue& model, const model::Catalogue& mask);

struct PrunedModel {
    std::vector<pruning::PrunedTensor> tensors;  ///< one per tensor, the same on every rank
    std::vector<std::string> notes;              ///< what a user should know
    /// One per matrix; nothing where the pruner does not iterate.
    std::vector<std::optional<pruning::Fit>> fits = {};
    std::vector<std::int64_t> matrix_zeros = {};  ///< one per matrix, the same on every rank
};

/// Prunes a model block by block without keeping it, and scores what comes out: the mean negative
/// log-likelihood of a token, of each sequence that is held out; the same on every rank.
/// Collective. @pre  some are held out; the pruner prunes by block; the model has a head
/// @throws Error on all ranks
std::vector<double> losses_after_pruning(const parallel::Communicator& ranks,
                                         const parallel::NodeMap& nodes,
                                         const model::Catalogue& catalogue,
                                         const PruneRequest& request);

/// Prunes a model from its files into a store, on one of two roads, as the pruner needs it. Tensors
/// that are not prunable pass unchanged. Collective.
///
/// Without activations the tensors stream through the ranks one after another, the rows of each
/// divided among all of them: while one is pruned the next is read and the last one written, by a
/// background thread, so that a rank holds its rows of three tensors.
///
/// With activations the model is pruned block by block. The calibration sequences are divided over
/// the ranks and stay there; a block's weights are held once on each node. For each block the
/// statistics of all its sites are gathered with the block still dense, its rows are pruned, shared
/// out over all ranks, and its pruned outputs become the inputs of the next block. Blocks without
/// prunable matrices (keep_blocks) stay as they are: those before a prunable one are run, those
/// after the last are not.
///
/// What the stores of all ranks together receive does not depend on the number of ranks.
/// @param nodes     which ranks share memory; its clock tells what this rank's time was spent on
/// @param store     tensors that it has finished are not pruned again; where those of the first
///                  blocks are and their outputs are in its journal, the work begins after them
/// @param progress  called on rank 0 with tensors or blocks done, of how many
/// @throws Error on all ranks: reading, writing, NaN or Inf in a prunable weight, a stop
PrunedModel prune_model(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                        const model::Catalogue& catalogue, const PruneRequest& request,
                        TensorStore& store, const Progress& progress);

}  // namespace alphaprune::phases
