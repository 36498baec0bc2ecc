#pragma once

#include <filesystem>
#include <vector>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/model/choice_task.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::commands {

/// A multiple-choice task that was asked for.
struct ChoiceFile {
    std::filesystem::path file;
    model::ChoiceTask task;
};

/// Collective: read and encoded on rank 0, the same on every rank. Says which contexts were too
/// long. @throws Error with the faults of all files
std::vector<ChoiceFile> load_choices(const parallel::Communicator& ranks,
                                     const cli::Options& options,
                                     const model::Catalogue& catalogue);

/// Measures and prints accuracies, the name of each task above its own when there are several, and
/// writes the file of --scores. Collective.
/// @throws Error (failed) on all ranks, after printing, naming the tasks that have no result
void evaluate_choices(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                      const cli::Options& options, const transformer::ForwardSettings& forward,
                      const model::Catalogue& catalogue, const model::RowSource& source,
                      const std::vector<ChoiceFile>& tasks);

}  // namespace alphaprune::commands
