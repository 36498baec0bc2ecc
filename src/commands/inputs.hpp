#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/cli/options.hpp"
#include "alphaprune/model/calibration_set.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/planning/finished_run.hpp"
#include "alphaprune/planning/forecast.hpp"
#include "alphaprune/transformer/block_runner.hpp"

namespace alphaprune::commands {

/// Whether a path names a checkpoint.h5 rather than a model folder.
bool is_checkpoint(const std::filesystem::path& model);

/// Collective: the catalogue of the model asked for, a folder, a checkpoint.h5, a model found by
/// its name or a synthetic one, with the blocks asked for. Read on rank 0; its warnings are logged.
/// @throws Error
model::Catalogue load_model(const parallel::Communicator& ranks, const cli::Options& options);

/// Where the model is that a path names: in the output folder of a run its checkpoint.h5 or, if
/// there is none, its folder hf; otherwise the path itself.
std::filesystem::path model_in(const std::filesystem::path& path);

/// Collective: the catalogue of the folder or checkpoint.h5 at that path. @throws Error
model::Catalogue load_catalogue(const parallel::Communicator& ranks,
                                const std::filesystem::path& model);

/// Logs what a user should know before relying on the result.
void say_warnings(const std::vector<std::string>& warnings);

/// Where this rank reads the rows of a model. Opens files when first asked.
/// @param catalogue  outlives the source
model::RowSource open_source(const model::Catalogue& catalogue);

/// A text to evaluate on, cut into windows.
struct EvaluationText {
    std::filesystem::path file;
    model::TokenSequences windows;
};

/// What a run reads beside the model, and how its ranks are placed.
struct Inputs {
    parallel::NodeMap nodes;
    transformer::ForwardSettings forward;  ///< what runs the blocks of the model
    model::CalibrationSet calibration;     ///< empty when nothing depends on activations
    planning::CalibrationMemory memory;    ///< that a rank needs for it
    std::vector<EvaluationText> evaluations;
    std::optional<model::Catalogue> mask = {};  ///< of --mask-from
    /// What a user should know of them, and of the forward pass of the model.
    std::vector<std::string> warnings = {};

    /// What runs the blocks for the calibration's sequences.
    transformer::ForwardSettings calibration_forward() const {
        transformer::ForwardSettings settings = forward;
        settings.states_on_card = memory.states_on_card;
        return settings;
    }
};

/// How the request prunes, as far as time and memory depend on it.
void add_pruning(planning::RunTask& task, const cli::Options& options,
                 const model::Catalogue& catalogue);

/// Collective. Everything that can be wrong with the request is found here, before any work: texts,
/// an architecture without a forward pass, memory that calibration would lack.
/// @param nodes  of the ranks
/// @param known  with the same texts, which then are not read again; nullptr: none
/// @throws Error
Inputs read_inputs(const parallel::Communicator& ranks, parallel::NodeMap nodes,
                   const cli::Options& options, const transformer::ForwardSettings& forward,
                   const model::Catalogue& catalogue, const Inputs* known = nullptr);

/// Collective: read on rank 0, the same on every rank. @throws Error
model::CalibrationSet load_calibration(const parallel::Communicator& ranks,
                                       const cli::Options& options,
                                       const model::Catalogue& catalogue);
/// Collective. @throws Error with the faults of all files
std::vector<EvaluationText> load_evaluations(const parallel::Communicator& ranks,
                                             const cli::Options& options,
                                             const model::Catalogue& catalogue);

/// One number per matrix, in catalogue order, from a file the user gives: a .npy (float32 or
/// float64), or a .csv which either has the columns "name" and "sparsity_ratio" among others (such
/// as matrices.csv of an earlier run; rows in any order) or is one number per line.
/// @throws Error (bad_request): unreadable, not one finite number for every matrix
std::vector<double> read_ratio_file(const std::filesystem::path& path,
                                    const model::Catalogue& catalogue);

/// One finite metric value per matrix from a .npy, as the cache of the published code has them.
/// @throws Error (bad_request)
std::vector<double> read_metric_cache(const std::filesystem::path& path,
                                      const model::Catalogue& catalogue);

/// Collective: the run that these options describe, to be predicted. A short name of a model stands
/// for its public shape, whether its weights are here or not. The task of a sweep is left open
/// (tasks_of_sweep). @throws Error
planning::PlannedRun planned_run(const parallel::Communicator& ranks, const cli::Options& options);

/// What a sweep asks for.
struct SweepTasks {
    planning::RunTask shared;  ///< spectra, and the dense model on all texts
    std::vector<std::pair<std::string, planning::RunTask>> runs = {};  ///< by name, without those
};
/// Collective: those of the sweep that these options describe. @throws Error
SweepTasks tasks_of_sweep(const parallel::Communicator& ranks, const cli::Options& sweep,
                          const model::Catalogue& catalogue);

/// Collective: the finished run in an output folder, with the model, texts and options of its
/// command line.
/// @param now  may say with --model where the model is now
/// @throws Error when one of them is no longer where it was
planning::FinishedRun finished_run(const parallel::Communicator& ranks,
                                   const std::filesystem::path& folder, const cli::Options& now);

}  // namespace alphaprune::commands
