#pragma once

#include <cstdint>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/pruning/calibrated_method.hpp"

namespace alphaprune::planning {

/// Bytes that a rank needs for the calibrated pruning of a model, at most.
struct CalibrationMemory {
    std::uint64_t weights = 0;      ///< its share of the largest block in float32
    std::uint64_t activations = 0;  ///< of its sequences, and scratch for one
    std::uint64_t statistics = 0;   ///< input norms or Hessians

    std::uint64_t total() const { return weights + activations + statistics; }
};
CalibrationMemory calibration_memory(const model::Catalogue& catalogue,
                                     pruning::CalibratedMethod method,
                                     const model::TokenSequences& sequences, int ranks,
                                     int node_ranks);

}  // namespace alphaprune::planning
