#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/pruning/pruners.hpp"
#include "pruning/shares.hpp"

namespace alphaprune::test {

/// What comes to a matrix with one calibration sequence, row-major.
struct SiteSequence {
    std::int64_t tokens = 0;
    std::vector<float> present;  ///< tokens × cols, in the pruned model
    std::vector<float> dense;    ///< tokens × cols, in the dense model
    std::vector<float> drift;  ///< tokens × rows, of the residual stream that the matrix writes to
};

/// A matrix, alone at its site, that writes into the residual stream.
struct SiteProblem {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::vector<SiteSequence> sequences;
    std::vector<float> weights;  ///< rows × cols

    std::int64_t tokens() const;
};

/// Inputs that depend on each other, of different sizes; dense ones that are near them, and a drift
/// that has partly to do with them. Every eleventh input is dead if asked for.
SiteProblem random_site(std::int64_t rows, std::int64_t cols, std::int64_t sequences,
                        std::int64_t tokens, bool with_dead_inputs = false);

/// What a pruner makes of the matrix.
struct PrunedSite {
    std::vector<float> weights;  ///< all of it, on every rank
    std::int64_t zeros = 0;
    std::optional<pruning::Fit> fit;
    std::vector<std::string> notes;
};

/// What is asked, and how rows and ranks are shared out.
struct SiteRequest {
    pruning::PruneTarget target;
    pruning::OutputTargets outputs = {};
    Split split = Split::even;  ///< of rows among ranks
    int ranks_of_node = 0;      ///< 0: all
    double damping = 0.01;
    bool of_expert = false;  ///< of a mixture: it does not write into the residual stream
    const SiteProblem* routed = nullptr;  ///< what its mixture divides; nullptr: its inner values
    int threads = 1;                      ///< of each rank
};

/// Collective. @param by_itself  the pruner as its row of the table begins it, without targets
PrunedSite prune_site(const pruning::Pruner& pruner, const SiteProblem& problem,
                      const SiteRequest& request, bool by_itself = false);

}  // namespace alphaprune::test
