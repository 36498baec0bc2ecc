#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/choice_task.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/transformer/perplexity.hpp"

namespace alphaprune::transformer {

/// Log-likelihoods of continuations: of each, the sum over its tokens, in float64, of the logarithm
/// of the probability that the model gives the token after all that stands before. What many
/// continuations have in common, all tokens but the last, is run once. Sequences of similar length
/// are run together, padded at the end, which a causal model does not see, the longest first; they
/// are divided over teams of ranks. The same bits on any number of ranks. Run collectively.
/// @param source    where this rank reads weights
/// @param progress  called on rank 0: sequences done, of how many; may be empty
/// @return in the order of the continuations; perhaps no number
/// @throws Error on all ranks: no forward pass, tokens outside the vocabulary, unreadable weights
std::vector<double> log_likelihoods(const parallel::Communicator& ranks,
                                    const parallel::NodeMap& nodes,
                                    const model::Catalogue& catalogue,
                                    const model::RowSource& source,
                                    std::span<const model::Continuation> continuations,
                                    const std::function<void(std::int64_t, std::int64_t)>& progress,
                                    const PerplexitySettings& settings = {});

/// What a model has chosen in an item. Of equal scores the first counts.
struct ItemScore {
    std::vector<double> likelihoods;  ///< log-likelihood of each choice
    std::int64_t chosen = 0;          ///< the most likely choice
    std::int64_t chosen_norm = 0;     ///< by log-likelihood over the number of its characters
    bool right = false;
    bool right_norm = false;
};

/// How well a model does on a multiple-choice task, as lm-evaluation-harness defines it
/// (lm_eval/api/task.py, ConfigurableTask.process_results).
struct ChoiceScores {
    std::vector<ItemScore> items;
    double acc = 0;       ///< share of the items whose most likely choice is right
    double acc_norm = 0;  ///< the same by log-likelihood over characters

    /// Not so where a log-likelihood is NaN.
    bool is_number() const;
};

/// @param likelihoods  of all choices of all items, one after another
ChoiceScores score_choices(const model::ChoiceTask& task, std::span<const double> likelihoods);

}  // namespace alphaprune::transformer
