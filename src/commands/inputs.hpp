#pragma once

#include <string>
#include <vector>

#include "alphaprune/commands/options.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/node_map.hpp"
#include "alphaprune/schedule/calibrated_phase.hpp"
#include "texts.hpp"

namespace alphaprune {

/// What a run reads beside the model, and where its ranks are.
struct Inputs {
    NodeMap nodes;
    TokenSequences calibration;  ///< empty when nothing looks at activations
    CalibrationMemory memory;    ///< that a rank needs for it
    std::vector<EvaluationText> evaluations;
    /// What a user should know of them, and of the model's forward pass.
    std::vector<std::string> warnings = {};
};

/// Collective. Everything that can be wrong with the request is found here, before any work: texts,
/// an architecture without a forward pass, memory that calibration would not find.
/// @throws Error
Inputs read_inputs(const Communicator& ranks, const Options& options, const Catalogue& catalogue);

}  // namespace alphaprune
