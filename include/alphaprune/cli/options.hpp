#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/allocation/allocation.hpp"
#include "alphaprune/device/choose_card.hpp"
#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/matrix_choice.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/spectrum/farms.hpp"
#include "alphaprune/spectrum/metrics.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/log.hpp"

namespace alphaprune::cli {

enum class Command {
    run,
    analyze,
    sweep,
    plan,
    verify,
    evaluate,
    export_model,
    report,
    help,
    version
};
/// Whether the program answers it with a text alone.
constexpr bool is_question(std::optional<Command> command) {
    return command == Command::help || command == Command::version;
}
/// Whether it prunes models.
constexpr bool prunes(Command command) {
    return command == Command::run || command == Command::sweep;
}

/// What `plan` is told of the cluster; what it is not told it measures here or assumes.
struct PlanRequest {
    std::optional<int> ranks;           ///< nothing: those that run now
    std::optional<int> ranks_per_node;  ///< nothing: as many as this node has cores
    std::optional<std::uint64_t> memory_per_node;
    std::optional<double> dgemm_gflops;
    std::optional<double> sgemm_gflops;
    std::optional<double> bf16_gflops;
    std::optional<double> memory_gbps;
    std::optional<double> read_gbps;
    std::optional<double> write_gbps;
    std::optional<double> storage_gbps;
    std::optional<double> network_gbps;
    std::optional<int> cards_per_node;  ///< nothing: none
    std::optional<double> card_gflops;
    std::filesystem::path calibrate_from;  ///< output folder of a finished run; empty: none
    std::filesystem::path validate;        ///< the same, to be compared with the prediction
    std::filesystem::path json;            ///< where the plan goes as JSON; empty: nowhere
};

/// A file that calibration sequences are drawn from.
struct CalibrationFile {
    std::filesystem::path path;
    double weight = 1;  ///< its share, in proportion to those of the others; positive and finite

    bool operator==(const CalibrationFile&) const = default;
};

/// One of the runs of a sweep.
struct SweepPoint {
    std::string name;                ///< of its folder in the output: "wanda-alphapruning-0.5"
    std::vector<std::string> words;  ///< its command line, without --output and --epsilon
    /// Values of --epsilon, the one that prunes best on held-out calibration sequences to be taken;
    /// one alone is taken as it is; none: the default, or the allocation has no band.
    std::vector<double> epsilons;
};

/// Which checkpoints of a sweep stay.
enum class Keep { all, best, none };

/// What `sweep` is asked for beyond the options of its runs.
struct SweepRequest {
    std::vector<SweepPoint> points;  ///< pruner by pruner, of each allocation by allocation
    Keep keep = Keep::all;
};

/// The request, read and checked once, the same on every rank, and never changed after.
struct Options {
    Command command = Command::run;
    std::vector<std::string> command_line;

    std::filesystem::path model;              ///< a folder, a checkpoint.h5, or a name
    std::filesystem::path model_root;         ///< where names are looked for; empty: not given
    std::string revision;                     ///< of a model in a cache; empty: main
    bool synthetic = false;                   ///< made-up weights
    std::optional<model::BlockRange> blocks;  ///< the others are left alone
    model::MatrixChoice matrices;             ///< which are pruned, where the user says otherwise
    std::filesystem::path output;
    bool overwrite = false;
    bool dry_run = false;  ///< everything but the work
    bool resume = false;   ///< continue the unfinished run in `output`, if there is one
    std::optional<double> max_seconds;  ///< of the whole run; nothing: until the end of the job
    double peer_timeout = 20;           ///< seconds of silence after which a rank is lost; 0: never

    const allocation::AllocationMethod* allocation = &allocation::default_allocation();
    std::filesystem::path allocation_file;  ///< of an allocation that needs one
    spectrum::Metric metric = spectrum::Metric::alpha_peak;
    spectrum::FarmsOptions farms;  ///< for alpha_peak_farms
    std::filesystem::path metric_cache;
    allocation::AllocationOptions ratios;
    support::MethodValues method_values;  ///< given for options of one allocation or pruner alone

    const pruning::Pruner* pruner = &pruning::default_pruner();
    std::optional<pruning::Pattern> pattern;  ///< N:M in every matrix
    bool mixed_pattern = false;               ///< N:8, N following the ratio of the block
    pruning::Ties ties = pruning::Ties::exact;
    // Nothing: the program chooses (pruning::OutputTargets, PrunerSettings::damping).
    std::optional<double> dense_target = 0;
    std::optional<double> residual_target = 0;
    std::optional<double> damping = 0.01;
    std::filesystem::path mask_from;  ///< a run or model whose zeros stay zero; empty: none
    bool sites_sequentially = false;  ///< inputs of a site come from what is pruned so far

    bool leaves_settings_open() const { return !dense_target || !residual_target || !damping; }
    /// With what the program starts from where it is to choose.
    pruning::PrunerSettings pruner_settings() const {
        return {ties,
                {dense_target.value_or(0.5), residual_target.value_or(0.5)},
                damping.value_or(0.1),
                method_values};
    }

    std::vector<CalibrationFile> calibration;
    std::optional<int> sequences;        ///< of calibration; nothing: the usual, or all there are
    std::optional<int> sequence_length;  ///< of calibration and evaluation
    std::uint64_t seed = 0;
    std::vector<std::filesystem::path> evaluations;
    std::vector<std::filesystem::path> choices;  ///< multiple-choice tasks of `evaluate`
    std::filesystem::path scores;  ///< where the scores of their items go; empty: nowhere

    bool write_hdf5 = true;
    bool write_safetensors = false;
    bool store_bitmask = false;  ///< of the tensors that are pruned a mask and what is not zero

    std::optional<linalg::Solver> solver;  ///< nothing: chosen for each matrix
    device::DeviceChoice device = device::DeviceChoice::automatic;
    linalg::Precision precision = linalg::Precision::in_double;
    /// Nothing: float32 on processors, bf16x2 on graphics cards.
    std::optional<linalg::ForwardPrecision> forward_precision;
    std::optional<int> group_ranks;       ///< 1 with `--solver lapack`: one-rank solvers only
    std::optional<int> threads_per_rank;  ///< nothing: what the cores given allow
    std::optional<std::uint64_t> memory_per_rank;  ///< bytes; nothing: what the node leaves
    std::optional<std::uint64_t> card_memory;      ///< bytes; nothing: what is free

    PlanRequest plan;
    SweepRequest sweep;
    std::vector<std::filesystem::path> compared;  ///< `report`: output folders of runs and sweeps

    support::LogLevel log_level = support::LogLevel::info;
    std::filesystem::path verify_target;  ///< `verify`: an output folder or a checkpoint file
    std::vector<std::string> help_words;  ///< what stands after `help`: errors [WORD]
};

/// Reads and checks the request: from the command line, then the --config file, then ALPHAPRUNE_…
/// variables; the first that gives an option wins. Dashes and underscores between the words of an
/// option are the same. Options in the file or the environment that belong to another command are
/// ignored.
///
/// @param arguments    what stands after the program's name
/// @param environment  NAME=value; an empty value counts as not set
/// @throws Error (bad_request) with every fault found: unknown options, unreadable numbers, values
///         out of range, impossible combinations
Options parse_options(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment);

/// The request as a command line of its own: parse_options gives the same options from it (except
/// command_line) without configuration file and environment. For ranks other than 0.
/// @throws Error as parse_options does
std::vector<std::string> resolved_arguments(const std::vector<std::string>& arguments,
                                            const std::vector<std::string>& environment);

/// The options of one run of a sweep, as parse_options gives them for its command line.
/// @param sweep    the options of the sweep; the run's output is a folder in its output
/// @param epsilon  to be taken; nothing where the point leaves none open. @throws Error
Options options_of_point(const Options& sweep, const SweepPoint& point,
                         std::optional<double> epsilon);

/// Checks the command line alone, which every rank sees: unknown options, duplicates and stray
/// words go to `faults`.
/// @return the request, if it is for help or the version and thus complete
std::optional<Options> check_command_line(const std::vector<std::string>& arguments,
                                          support::FaultList& faults);

}  // namespace alphaprune::cli
