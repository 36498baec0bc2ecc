#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/planning/forecast.hpp"

namespace alphaprune::commands {

/// A text to evaluate on, cut into windows.
struct EvaluationText {
    std::filesystem::path file;
    model::TokenSequences windows;
};

/// What a run reads beside the model, and how its ranks are placed.
struct Inputs {
    parallel::NodeMap nodes;
    model::TokenSequences calibration;   ///< empty when nothing depends on activations
    planning::CalibrationMemory memory;  ///< that a rank needs for it
    std::vector<EvaluationText> evaluations;
    /// What a user should know of them, and of the forward pass of the model.
    std::vector<std::string> warnings = {};
};

/// Collective. Everything that can be wrong with the request is found here, before any work: texts,
/// an architecture without a forward pass, memory that calibration would lack.
/// @throws Error
Inputs read_inputs(const parallel::Communicator& ranks, const cli::Options& options,
                   const model::Catalogue& catalogue);

/// Collective: read on rank 0, the same on every rank. @throws Error
model::TokenSequences load_calibration(const parallel::Communicator& ranks,
                                       const cli::Options& options,
                                       const model::Catalogue& catalogue);
/// Collective. @throws Error with the faults of all files
std::vector<EvaluationText> load_evaluations(const parallel::Communicator& ranks,
                                             const cli::Options& options,
                                             const model::Catalogue& catalogue);

}  // namespace alphaprune::commands
