#pragma once

#include <functional>
#include <span>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/row_source.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune {

struct Perplexity {
    double value = 0;         ///< exp of the mean negative log-likelihood
    std::int64_t seqlen = 0;  ///< tokens of a window; seqlen − 1 predictions each
    std::int64_t windows = 0;
};

/// Perplexity of a model on some windows, which are divided over the ranks; block after block is
/// loaded once on each node, and the vocabulary in tiles, so that no rank holds the model. The
/// windows' sums are added in window order: the same bits on any number of ranks. Collective.
/// @param source    where this rank reads weights
/// @param progress  called on rank 0: blocks done, of how many; may be empty
/// @throws Error on all ranks: no forward pass, unreadable weights
Perplexity measure_perplexity(const Communicator& ranks, const Catalogue& catalogue,
                              const RowSource& source, const TokenSequences& windows,
                              const std::function<void(std::int64_t, std::int64_t)>& progress);

/// Logits of one sequence (tokens × vocabulary), for tests and small models. Collective.
std::vector<float> logits_of(const Communicator& ranks, const Catalogue& catalogue,
                             const RowSource& source, std::span<const std::int32_t> tokens);

}  // namespace alphaprune
