#include "option_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace alphaprune {
namespace {

constexpr std::array<CommandSpec, 4> kCommands{{
    {Command::run, "run", "analyse, allocate, prune, write a checkpoint and reports (the default)"},
    {Command::analyze, "analyze", "spectra and metrics only; nothing is pruned"},
    {Command::verify, "verify", "re-read the checkpoint of a run and check it against its report"},
    {Command::help, "help", "this text"},
}};

constexpr std::array<std::string_view, 10> kLater{"calibration", "nsamples", "seqlen",   "seed",
                                                  "eval",        "resume",   "max-time", "blocks",
                                                  "synthetic",   "validate"};

std::vector<OptionSpec> make_table() {
    const std::vector<Command> kAll{Command::run, Command::analyze, Command::verify};
    const std::vector<Command> kMeasuring{Command::run, Command::analyze};
    const std::vector<Command> kRun{Command::run};
    const Options defaults;
    return {
        {"model", "DIR", "Input and output", kMeasuring,
         "folder of the Hugging Face model; needed"},
        {"output", "DIR", "Input and output", kMeasuring, "folder for the results; needed"},
        {"overwrite", "", "Input and output", kMeasuring, "replace former results in that folder"},
        {"format", "NAME", "Input and output", kRun, "checkpoint format: hdf5 (default)"},
        {"storage", "NAME", "Input and output", kRun,
         "how pruned tensors are stored: dense "
         "(default)"},
        {"config", "FILE", "Input and output", kAll,
         "more options, one a line: name = value; # "
         "begins a comment"},

        {"sparsity-ratio", "S", "How much goes where", kRun,
         fmt::format("share of the prunable weights that become zero, in [0, 1) (default {})",
                     defaults.ratios.sparsity_ratio)},
        {"allocation", "NAME", "How much goes where", kRun,
         "ratios of the blocks: alphapruning (default), uniform, linear_depth, or file:PATH with "
         "one ratio a matrix (.npy or .csv)"},
        {"metric", "NAME", "How much goes where", kMeasuring,
         fmt::format("metric that alphapruning follows, and that tables show (default {})",
                     name_of(defaults.metric))},
        {"mapping-type", "NAME", "How much goes where", kRun,
         "block_wise: one ratio a block, from its mean metric (default); layer_wise: one a matrix"},
        {"epsilon", "E", "How much goes where", kRun,
         fmt::format("half-width of the band of ratios before scaling, in [0, 1) (default {})",
                     defaults.ratios.epsilon)},
        {"max-sparsity", "M", "How much goes where", kRun,
         fmt::format("no matrix gets a larger ratio, in (0, 1] (default {})",
                     defaults.ratios.max_sparsity)},
        {"metric-cache", "FILE", "How much goes where", kRun,
         "take the metric from this .npy (one value a matrix, in order); no spectra are computed"},

        {"prune-method", "NAME", "Pruning", kRun, "magnitude (default)"},
        {"sparsity-type", "NAME", "Pruning", kRun, "unstructured (default)"},
        {"ties", "NAME", "Pruning", kRun,
         "weights as large as the threshold: exact keeps the count exact (default), inclusive "
         "prunes all of them, as the published code does"},

        {"solver", "NAME", "Computing", kMeasuring,
         "auto (default); on one rank a matrix: lapack, or lapack1 (one-stage), lapack2 "
         "(two-stage); on a group of ranks: elpa1, elpa2, scalapack"},
        {"group-ranks", "N", "Computing", kMeasuring,
         "ranks that share a matrix, with a group solver (default: all)"},
        {"precision", "NAME", "Computing", kMeasuring, "double (default)"},

        {"log-level", "NAME", "Other", kAll, "debug, info (default), warning or error"},
        {"version", "", "Other", kAll, "print the version and the libraries it stands on"},
        {"help", "", "Other", kAll, "print this text"},
    };
}

}  // namespace

bool OptionSpec::known_to(Command command) const {
    return std::ranges::find(commands, command) != commands.end();
}

const std::vector<OptionSpec>& option_table() {
    static const std::vector<OptionSpec> table = make_table();
    return table;
}

const OptionSpec* find_option(std::string_view name) {
    const auto found = std::ranges::find(option_table(), name, &OptionSpec::name);
    return found == option_table().end() ? nullptr : &*found;
}

bool comes_later(std::string_view option_name) {
    return std::ranges::find(kLater, option_name) != kLater.end();
}

std::span<const CommandSpec> command_table() {
    return kCommands;
}

}  // namespace alphaprune
