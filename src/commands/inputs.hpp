#pragma once

#include <string>
#include <vector>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/node_map.hpp"
#include "alphaprune/planning/calibration_memory.hpp"
#include "texts.hpp"

namespace alphaprune::commands {

/// What a run reads beside the model, and where its ranks are.
struct Inputs {
    parallel::NodeMap nodes;
    model::TokenSequences calibration;   ///< empty when nothing looks at activations
    planning::CalibrationMemory memory;  ///< that a rank needs for it
    std::vector<EvaluationText> evaluations;
    /// What a user should know of them, and of the model's forward pass.
    std::vector<std::string> warnings = {};
};

/// Collective. Everything that can be wrong with the request is found here, before any work: texts,
/// an architecture without a forward pass, memory that calibration would not find.
/// @throws Error
Inputs read_inputs(const parallel::Communicator& ranks, const cli::Options& options,
                   const model::Catalogue& catalogue);

}  // namespace alphaprune::commands
