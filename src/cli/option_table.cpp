#include "option_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "alphaprune/model/tokens.hpp"
#include "alphaprune/planning/machine_rates.hpp"
#include "method_options.hpp"
#include "recipes.hpp"

namespace alphaprune::cli {
namespace {

constexpr std::array<CommandSpec, 9> kCommands{{
    {Command::run, "run", "analyze, allocate, prune, write a checkpoint and reports (the default)"},
    {Command::analyze, "analyze", "spectra and metrics only; nothing is pruned"},
    {Command::sweep, "sweep",
     "runs for all combinations of lists of options, and their comparison"},
    {Command::plan, "plan", "predict time, memory and groups of a run from the model's headers"},
    {Command::verify, "verify", "re-read the checkpoint of a run and check it against its report"},
    {Command::evaluate, "evaluate",
     "perplexity, or accuracy on multiple-choice tasks, of a model folder or a "
     "checkpoint"},
    {Command::export_model, "export", "a Hugging Face folder from a checkpoint"},
    {Command::report, "report", "compare finished runs and sweeps: tables and curves"},
    {Command::help, "help", "this text; help errors [WORD]: what errors and warnings mean"},
}};

/// "a (default): …; b (needs --calibration): …"
template <class Method>
std::string explained(std::span<const Method> table, const Choices& choices) {
    std::string text;
    for (std::size_t i = 0; i < table.size(); ++i) {
        text += fmt::format("{}{}{}: {}{}", i == 0 ? "" : "; ", choices.names[i],
                            i == 0 ? " (default)" : "", table[i].help,
                            table[i].needs_activations() ? " (needs --calibration)" : "");
    }
    return text;
}

/// "best: …; published: …"
std::string explained_recipes() {
    std::vector<std::string> texts;
    for (const Recipe& recipe : recipes()) {
        texts.push_back(fmt::format("{}: {}", recipe.name, recipe.help));
    }
    return fmt::format("{}", fmt::join(texts, "; "));
}

/// The options that belong to one method alone, behind another one and for the same commands.
template <class Method>
void insert_own_options(std::vector<OptionSpec>& table, std::string_view after,
                        std::span<const Method> methods) {
    const auto place = std::ranges::find(table, after, &OptionSpec::name);
    std::vector<OptionSpec> specs;
    for (const Method& method : methods) {
        for (const support::MethodOption& option : method.options) {
            specs.push_back(
                {option.name, option.argument, place->group, place->commands,
                 fmt::format("{}, {} (default {})", option.help, option.range(), option.fallback)});
        }
    }
    table.insert(place + 1, specs.begin(), specs.end());
}

std::vector<OptionSpec> make_table() {
    const std::vector<Command> kAll{Command::run,      Command::analyze,      Command::verify,
                                    Command::evaluate, Command::export_model, Command::report};
    const std::vector<Command> kMeasuring{Command::run, Command::analyze};
    const std::vector<Command> kComputing{Command::run, Command::analyze, Command::evaluate};
    const std::vector<Command> kWriting{Command::run, Command::analyze, Command::export_model,
                                        Command::report};
    const std::vector<Command> kTelling{Command::run, Command::evaluate};
    const std::vector<Command> kEvaluate{Command::evaluate};
    const std::vector<Command> kModel{Command::run, Command::analyze, Command::evaluate,
                                      Command::export_model};
    const std::vector<Command> kRun{Command::run};
    const std::vector<Command> kPlan{Command::plan};
    constexpr std::string_view kPlanning = "Planning (plan also takes the options of run)";
    const Options defaults;
    std::vector<std::string_view> calibrated = calibrated_pruners();
    for (const std::string_view name : calibrated_allocations()) {
        calibrated.push_back(name);
    }
    std::vector<OptionSpec> table{
        {"model", "MODEL", "Input and output", kModel,
         "folder of the Hugging Face model, or its name: see below; or the checkpoint.h5 of a run; "
         "required"},
        {"model-root", "DIR", "Input and output", kModel,
         "folder in which models are looked up by name, before the caches of Hugging Face"},
        {"revision", "REV", "Input and output", kModel,
         "of a model in a cache of Hugging Face: a branch, a tag, or a commit or its first digits, "
         "seven or more (default: main, or the only one there)"},
        {"synthetic", "", "Input and output", kModel,
         "synthetic weights, always the same for a model, in the shape of a short name or of the "
         "config.json of a folder; no weight file is read"},
        {"blocks", "A-B", "Input and output", kMeasuring,
         "only blocks A to B, or A alone, counted from 0: the others are neither analyzed nor "
         "pruned, and written as they are; the sparsity ratio is that of the chosen blocks"},
        {"include", "REGEX", "Input and output", kMeasuring,
         "also prune the two-dimensional tensors of the blocks whose names this regular expression "
         "matches anywhere; may be given several times",
         true},
        {"exclude", "REGEX", "Input and output", kMeasuring,
         "leave the tensors whose names this regular expression matches anywhere as they are, even "
         "if --include names them; may be given several times",
         true},
        {"fused", "NAME", "Input and output", kMeasuring,
         "of a tensor that holds several linear layers, split (default): each is a prunable "
         "matrix; "
         "whole: the tensor is one, or what it has of an expert, as in the published code"},
        {"output", "DIR", "Input and output", kWriting, "folder for the results; required"},
        {"overwrite", "", "Input and output", kWriting, "replace former results in that folder"},
        {"resume", "", "Input and output", kMeasuring,
         "continue the unfinished run in that folder, on any number of ranks; if there is none, "
         "begin one"},
        {"dry-run", "", "Input and output", kMeasuring,
         "check everything, print what would be done and how long it would take, and write "
         "nothing"},
        {"format", "NAME", "Input and output", kRun,
         "hdf5 (default): checkpoint.h5; safetensors: a Hugging Face folder hf/; may be given "
         "twice",
         true},
        {"storage", "NAME", "Input and output", kRun,
         "how pruned tensors are stored: dense (default); bitmask: a bit for each value and those "
         "that are not zero, exact and smaller (export gives them back dense)"},
        {"config", "FILE", "Input and output", kAll,
         "more options, one per line: name = value; # begins a comment"},

        {"recipe", "NAME", "How much goes where", kRun,
         "settings that belong together, for all that is not given otherwise. " +
             explained_recipes()},
        {"sparsity-ratio", "S", "How much goes where", kRun,
         fmt::format("share of the prunable weights that become zero, in [0, 1) (default {})",
                     defaults.ratios.sparsity_ratio)},
        {"allocation", "NAME", "How much goes where", kRun,
         "ratios of the blocks. " + explained(allocation::allocations(), allocation_choices())},
        {"metric", "NAME", "How much goes where", kMeasuring,
         fmt::format("metric that alphapruning follows, and that tables show (default {})",
                     spectrum::name_of(defaults.metric))},
        {"farms-aspect", "Q", "How much goes where", kMeasuring,
         fmt::format("columns over rows of the windows of alpha_peak_farms (default {})",
                     defaults.farms.aspect)},
        {"mapping-type", "NAME", "How much goes where", kRun,
         "block_wise: one ratio per block, from its mean metric (default); layer_wise: one per "
         "matrix; expert_wise: one per expert of a block, and one for its other matrices"},
        {"epsilon", "E", "How much goes where", kRun,
         fmt::format("half-width of the band of ratios before scaling, in [0, 1) (default {})",
                     defaults.ratios.epsilon)},
        {"max-sparsity", "M", "How much goes where", kRun,
         fmt::format("no matrix gets a larger ratio, in (0, 1] (default {})",
                     defaults.ratios.max_sparsity)},
        {"metric-cache", "FILE", "How much goes where", kRun,
         "take the metric from this .npy (one value per matrix, in order); no spectra are "
         "computed"},

        {"prune-method", "NAME", "Pruning", kRun,
         "which weights become zero. " + explained(pruning::pruners(), pruner_choices())},
        {"sparsity-type", "NAME", "Pruning", kRun,
         "unstructured (default); N:M, such as 2:4 or 4:8: in every M consecutive inputs N are "
         "removed (NVIDIA's N counts those kept; at 2:4 and 4:8 the two agree); mixed-N:8: N "
         "follows the ratio of the block"},
        {"ties", "NAME", "Pruning", kRun,
         "weights as large as the threshold: exact keeps the count exact (default), inclusive "
         "prunes all of them, as the published code does"},
        {"mask-from", "PATH", "Pruning", kRun,
         "keep the zeros that the matrices have in another run of the same model, named by its "
         "output folder, checkpoint.h5 or safetensors folder: they count towards the ratios, and "
         "where they are more than a ratio asks for all of them stay"},
        {"dense-target", "L", "Pruning", kRun,
         fmt::format("how far the output of a pruned matrix is fitted to what it is in the dense "
                     "model instead of to its own on pruned inputs, in [0, 1] (default {}); auto: "
                     "chosen on held-out calibration sequences; needs --calibration",
                     *defaults.dense_target)},
        {"residual-target", "M", "Pruning", kRun,
         fmt::format("how far matrices that write into the residual stream make up for its drift "
                     "from the dense model's, in [0, 1] (default {}), or auto; needs --calibration",
                     *defaults.residual_target)},
        {"site-order", "NAME", "Pruning", kRun,
         "together: the inputs of all matrices of a block come from the block while it is dense "
         "(default); sequential: matrices that share an input are pruned one such site after the "
         "other, each on the inputs that those before leave it"},
        {"damping", "D", "Pruning", kRun,
         fmt::format(
             "added to the diagonal of the Hessian, as a share of its mean, in (0, 1] "
             "(default {}), or auto; sparsegpt raises it where it is too little, and with targets "
             "adds 0.01 of its own",
             *defaults.damping)},

        {"calibration", "FILE", "Calibration and evaluation", kRun,
         fmt::format("tokens (.npy) or UTF-8 text whose activations {} use; may be given several "
                     "times: sequences are drawn from the files in equal shares, or from "
                     "FILE:WEIGHT in proportion to the weights",
                     listed(calibrated, "and")),
         true},
        {"nsamples", "N", "Calibration and evaluation", kRun,
         fmt::format("calibration sequences of all files together (default {}, or all samples of a "
                     "file that has fewer)",
                     model::kUsualSequences)},
        {"seqlen", "T", "Calibration and evaluation", kTelling,
         "tokens of a sequence or window (default: the samples' own length, or what the model "
         "allows, at most 2048)"},
        {"seed", "N", "Calibration and evaluation", kRun,
         fmt::format("seed with which sequences are drawn from a stream of tokens (default {})",
                     defaults.seed)},
        {"eval", "FILE", "Calibration and evaluation", kTelling,
         "tokens (.npy) or UTF-8 text to measure perplexity on; may be given several times", true},
        {"choices", "FILE", "Calibration and evaluation", kEvaluate,
         "multiple-choice task (.jsonl: context, choices, answer) to measure accuracy on, as "
         "lm-evaluation-harness does; may be given several times",
         true},
        {"scores", "FILE", "Calibration and evaluation", kEvaluate,
         "also write the log-likelihoods of all choices to this file, a line of JSON for each "
         "item"},

        {"solver", "NAME", "Computing", kMeasuring,
         "auto (default); on one rank per matrix: two_stage (own kernels), lapack1 (one-stage), "
         "lapack2 or lapack (LAPACK's two-stage); on a group of ranks: two_stage (of one node), "
         "elpa1, elpa2, scalapack"},
        {"device", "NAME", "Computing", kComputing,
         "graphics cards, for spectra and, where every rank has one, for activations: auto "
         "(default: those that are there), cuda (required), none"},
        {"group-ranks", "N", "Computing", kMeasuring,
         "ranks that share a matrix (default: chosen by time and memory; with elpa1, elpa2 and "
         "scalapack all)"},
        {"threads-per-rank", "N", "Computing", kMeasuring,
         "threads of a rank, which compute spectra, one matrix each, and share its sequences "
         "(default, and at most: the cores given to the rank)"},
        {"precision", "NAME", "Computing", kMeasuring,
         "of spectra: double (default), single, or auto: float32 where the spectrum shows that it "
         "suffices, else again in float64. Only for alpha_mid and with solver two_stage"},

        {"forward-precision", "NAME", "Computing", kTelling,
         "of the products of activations with weights, in calibration and evaluation: float32 "
         "(default), bf16x2 (default on graphics cards; activations in two parts of bfloat16: "
         "errors of 2e-6) or bf16 (rounded once: 2e-3), both on cards and on processors with "
         "avx512_bf16 or AMX"},

        {"memory-per-rank", "SIZE", "Computing", kMeasuring,
         "memory that a rank may use, as in 4GiB: matrices that need more are shared by groups, "
         "statistics gathered in turns "
         "(default: what system, control group and Slurm leave on a node, divided by its ranks)"},
        {"card-memory", "SIZE", "Computing", kRun,
         "memory of a graphics card that calibration may use, as in 40GiB: hidden states that do "
         "not "
         "fit stay in the node's memory, then statistics are gathered in turns (default: what is "
         "free; for plan 80GiB, of an H100)"},

        {"keep",
         "NAME",
         "Sweeps (sweep also takes the options of run)",
         {Command::sweep},
         "which checkpoints of a sweep stay: all; best: of each sparsity ratio, that of the run "
         "with "
         "the least perplexity on the first text of --eval (default where there is one); none"},

        {"ranks", "N", kPlanning, kPlan, "ranks of the run (default: those running now)"},
        {"ranks-per-node", "N", kPlanning, kPlan,
         "ranks on each node (default: the cores of this one)"},
        {"memory-per-node", "SIZE", kPlanning, kPlan,
         "memory of a node, as in 256GiB (default: no limit)"},
        {"dgemm-gflops", "X", kPlanning, kPlan,
         "speed of a core when all are busy (default: measured here)"},
        {"sgemm-gflops", "X", kPlanning, kPlan,
         "the same in float32 (default: twice --dgemm-gflops, or measured)"},
        {"bf16-gflops", "X", kPlanning, kPlan,
         fmt::format("the same of products in bfloat16 (default: {} times --sgemm-gflops, or "
                     "measured)",
                     planning::kBf16OverSgemm)},
        {"memory-gbps", "X", kPlanning, kPlan,
         "GB/s that a core copies, read and written (default: measured here)"},
        {"read-gbps", "X", kPlanning, kPlan,
         "GB/s of weights that a node reads (default: measured here where there are weights)"},
        {"write-gbps", "X", kPlanning, kPlan,
         "GB/s that a node writes (default: measured where --output is, if that is given)"},
        {"storage-gbps", "X", kPlanning, kPlan,
         fmt::format("GB/s of the file system to all nodes together (default {})",
                     planning::MachineRates{}.storage_gbps)},
        {"network-gbps", "X", kPlanning, kPlan,
         fmt::format("GB/s of a node to others (default {})",
                     planning::MachineRates{}.network_gbps)},
        {"cards-per-node", "N", kPlanning, kPlan,
         "graphics cards of a node, each driven by one rank, for spectra and, where every rank has "
         "one, activations (default: none); --ranks-per-node follows them"},
        {"card-gflops", "X", kPlanning, kPlan,
         fmt::format("products in bfloat16 that a card reaches, other products in proportion "
                     "(default {:.0f}, of an H100 or H200)",
                     planning::MachineRates{}.card_gflops)},
        {"calibrate-from", "DIR", kPlanning, kPlan,
         "output folder of a finished run on this machine, whose times correct the prediction "
         "(default: --output, if a report is there)"},
        {"validate", "DIR", kPlanning, kPlan,
         "predict the finished run in this folder and compare"},
        {"json", "FILE", kPlanning, kPlan, "also write the plan to this file, as JSON"},

        {"max-time", "HH:MM:SS", "Time limits and failures", kMeasuring,
         "stop early enough to have ended by then, resumable (also: D-HH:MM:SS; default: the end "
         "of the batch job, if there is one)"},
        {"peer-timeout", "SECONDS", "Time limits and failures", kAll,
         fmt::format("a rank that is silent for so long is considered lost, and the job ends "
                     "(default {}; 0: never)",
                     defaults.peer_timeout)},

        {"log-level", "NAME", "Other", kAll, "debug, info (default), warning or error"},
        {"version", "", "Other", kAll,
         "print the version and the libraries the program was built with"},
        {"help", "", "Other", kAll, "print this text"},
    };
    insert_own_options(table, "max-sparsity", allocation::allocations());
    insert_own_options(table, "sparsity-type", pruning::pruners());
    for (OptionSpec& spec : table) {  // what a run is asked can be planned, and swept over
        if (spec.known_to(Command::run)) {
            spec.commands.push_back(Command::plan);
            spec.commands.push_back(Command::sweep);
        }
    }
    return table;
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

std::span<const CommandSpec> command_table() {
    return kCommands;
}

std::string_view name_of(Command command) {
    return std::ranges::find(kCommands, command, &CommandSpec::command)->name;
}

}  // namespace alphaprune::cli
