#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/team.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::transformer {

struct Perplexity {
    double value = 0;         ///< exp of the mean negative log-likelihood; may be no number
    std::int64_t seqlen = 0;  ///< tokens of a window; seqlen − 1 predictions each
    std::int64_t windows = 0;

    /// Not so where activations are NaN or infinite, or the mean loss is beyond exp's range.
    bool is_number() const { return std::isfinite(value); }
};

/// How an evaluation computes.
struct PerplexitySettings {
    ForwardSettings forward = {};
    // How much memory it takes. The result depends on this by rounding at most.
    /// Of the hidden states that a rank keeps; if its windows need more, the model is gone through
    /// several times.
    std::uint64_t state_bytes = std::uint64_t{2} << 30;
    /// Of the part of the vocabulary's projection that a node keeps, in float32.
    std::uint64_t vocabulary_bytes = std::uint64_t{256} << 20;
};

/// Bytes of scratch memory that each thread takes to compute losses.
std::uint64_t loss_scratch_bytes();

/// Perplexity of a model on some windows, which are divided over teams of ranks; block after block
/// is loaded once on each node, and the vocabulary in tiles, so that no rank holds the model. The
/// windows' sums are added in window order: the same bits on any number of ranks. Run collectively.
/// @param source    where this rank reads weights
/// @param progress  called on rank 0: blocks done, of how many; may be empty
/// @throws Error on all ranks: no forward pass, windows of fewer than two tokens or none at all,
///         tokens outside the vocabulary, unreadable weights
Perplexity measure_perplexity(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                              const model::Catalogue& catalogue, const model::RowSource& source,
                              const model::TokenSequences& windows,
                              const std::function<void(std::int64_t, std::int64_t)>& progress,
                              const PerplexitySettings& settings = {});

/// Total loss (negative log-likelihood of the token that follows) of some of this team's sequences
/// whose states have come through all blocks, on all ranks of the team. Run collectively, also
/// where a team has none.
/// @pre  the runner has loaded the head
/// @param node      the ranks of the node that the runner was made for
/// @param team      that it was made for
/// @param source    of the head's weights
/// @param scored    number of a sequence of the runner, and its tokens
/// @throws Error on all ranks
std::vector<double> token_losses(
    const parallel::Communicator& ranks, const parallel::Communicator& node,
    const parallel::Team& team, const ForwardPlan& plan, BlockRunner& runner,
    const model::RowSource& source,
    std::span<const std::pair<std::int64_t, std::span<const std::int32_t>>> scored,
    std::uint64_t vocabulary_bytes = PerplexitySettings{}.vocabulary_bytes);

}  // namespace alphaprune::transformer
