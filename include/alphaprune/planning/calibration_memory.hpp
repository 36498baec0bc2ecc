#pragma once

#include <cstdint>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/transformer/transformer.hpp"

namespace alphaprune::planning {

/// Bytes that a rank needs, at most, to look at the activations of a model.
struct CalibrationMemory {
    std::uint64_t weights = 0;      ///< its share of the largest block in float32
    std::uint64_t activations = 0;  ///< of its sequences, and scratch for one
    std::uint64_t statistics = 0;   ///< of a block's inputs

    std::uint64_t total() const { return weights + activations + statistics; }
};

/// @param pruner             counts where it needs activations
/// @param measures_outliers  whether an allocation needs outlier shares
CalibrationMemory calibration_memory(const model::Catalogue& catalogue,
                                     const pruning::Pruner& pruner, bool measures_outliers,
                                     const model::TokenSequences& sequences, int ranks,
                                     int node_ranks);

/// What a pruner has to do at a site.
pruning::SiteWork work_at(const model::Catalogue& catalogue, const transformer::InputSite& site,
                          const model::TokenSequences& sequences, int ranks);

}  // namespace alphaprune::planning
