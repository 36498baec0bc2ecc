#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <sstream>

#include "alphaprune/cli/help.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune_commit.hpp"
#include "completion.hpp"
#include "option_table.hpp"

namespace alphaprune::cli {
namespace {

namespace po = boost::program_options;

constexpr unsigned kLineLength = 100;
constexpr unsigned kDescriptionLength = 74;

/// Boost leaves a space where it breaks a line.
std::string without_trailing_spaces(const std::string& text) {
    std::string tidy;
    for (const char c : text) {
        while (c == '\n' && tidy.ends_with(' ')) {
            tidy.pop_back();
        }
        tidy += c;
    }
    return tidy;
}

/// The options under their headings, as Boost lays them out.
std::string options_part() {
    std::ostringstream text;
    const auto& table = option_table();
    for (std::size_t i = 0; i < table.size();) {
        const std::string_view heading = table[i].group;
        po::options_description group(std::string(heading), kLineLength, kDescriptionLength);
        for (; i < table.size() && table[i].group == heading; ++i) {
            const OptionSpec& spec = table[i];
            const std::string help = spec.known_to(Command::run) && !spec.known_to(Command::analyze)
                                         ? spec.help + " [run]"
                                         : spec.help;
            if (spec.is_switch()) {
                group.add_options()(std::string(spec.name).c_str(), help.c_str());
            } else {
                group.add_options()(
                    std::string(spec.name).c_str(),
                    po::value<std::string>()->value_name(std::string(spec.argument)), help.c_str());
            }
        }
        text << '\n' << group;
    }
    return without_trailing_spaces(text.str());
}

std::string commands_part() {
    std::string text = "\nCommands:\n";
    for (const CommandSpec& spec : command_table()) {
        text += fmt::format("  {:<9} {}\n", spec.name, spec.help);
    }
    return text;
}

/// The short names of models, in lines that fit.
std::string names_part() {
    constexpr std::size_t kWidth = 96;
    std::string text;
    std::string line;
    for (const model::NamedShape& shape : model::named_shapes()) {
        std::string name(shape.name);
        if (!shape.alias.empty()) {
            name += fmt::format(" ({})", shape.alias);
        }
        if (line.size() + name.size() > kWidth) {
            text += line + ",\n";
            line.clear();
        }
        line += (line.empty() ? "  " : ", ") + name;
    }
    return text + line + "\n";
}

}  // namespace

std::string_view program_version() {
    return ALPHAPRUNE_VERSION;
}

std::string_view program_commit() {
    return kBuiltFromCommit;
}

std::string version_text() {
    return fmt::format("alphaprune_mpi {} ({})\nbuilt with {}\n", program_version(),
                       program_commit(), ALPHAPRUNE_BUILT_WITH);
}

std::string help_text() {
    return R"(alphaprune_mpi: prunes large language models, block by block, by the shape of their spectra.

  alphaprune_mpi [run] --model MODEL --output DIR [options]
  alphaprune_mpi analyze --model MODEL --output DIR [options]
  alphaprune_mpi sweep --model MODEL --sparsity-ratio S,S,... --output DIR [options]
  alphaprune_mpi plan --model MODEL --ranks N [--ranks-per-node N] [options]
  alphaprune_mpi plan --validate DIR
  alphaprune_mpi verify DIR|checkpoint.h5
  alphaprune_mpi evaluate --model MODEL|checkpoint.h5 --eval FILE|--choices FILE [--seqlen T]
  alphaprune_mpi export --model checkpoint.h5 --output DIR
  alphaprune_mpi report DIR [DIR ...] --output DIR
  alphaprune_mpi help [errors [WORD]]

A sparsity ratio is the share of weights that become zero: 0.7 keeps three of ten. A block is a
decoder block of the transformer, a matrix the weight of a prunable linear layer in it.
)" + commands_part() +
           options_part() +
           R"(
[run]: options of run, sweep and plan. A sweep takes lists for --sparsity-ratio, --prune-method,
--allocation (0.5,0.6,0.7 or 0.5:0.7:0.1) and runs all combinations; of several values of --epsilon
it takes, for each run, the one that does best on held-out calibration sequences. With such lists
plan is about the sweep.
- and _ are the same between the words of an option. Options that
the command line does not give are taken from --config, then from variables such as
ALPHAPRUNE_SPARSITY_RATIO. Two variables are not options: ALPHAPRUNE_SUPERVISE=0 turns off the
process that supervises each rank (for debuggers and profilers); ALPHAPRUNE_MPI=1 starts MPI, and 0
does not, where the program cannot tell how it was started.

A MODEL that is not a folder is a name: of a folder in --model-root (ALPHAPRUNE_MODEL_ROOT),
ORG/NAME in it or in the caches of Hugging Face (HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE,
TRANSFORMERS_CACHE, HF_HOME/hub, ~/.cache/huggingface/hub), where --revision chooses another
revision than main; books-7m, a small model to try, which comes with the program; or one of these,
which --synthetic makes without any file:
)" + names_part() +
           R"(
With --blocks a calibrated method runs the blocks before A dense and none after B. --seed does not
affect synthetic weights.

Exit status: 0 done; 1 failed while running; 2 the request or its input is wrong; 75 stopped early,
to be continued with --resume. `help errors` explains every message, `help errors WORD` those that
contain a word.

`help completion bash`, zsh or fish, prints what completes command lines in these shells, `help man`
a manual page.

Examples:
  mpirun -n 2 alphaprune_mpi --model books-7m --sparsity-ratio 0.7 --output out
  mpirun -n 8 alphaprune_mpi analyze --model llama-7b --output spectra
  mpirun -n 2 alphaprune_mpi analyze --model 70b --synthetic --blocks 0-1 --output shape
  alphaprune_mpi plan --model 70b --ranks 512 --ranks-per-node 64 --memory-per-node 256GiB
  mpirun -n 8 alphaprune_mpi --model llama-7b --metric-cache spectra/metrics/alpha_peak.npy \
      --sparsity-ratio 0.6 --epsilon 0.2 --output pruned
  mpirun -n 8 alphaprune_mpi verify pruned
  mpirun -n 8 alphaprune_mpi sweep --model llama-7b --sparsity-ratio 0.5,0.6,0.7 \
      --prune-method wanda,sparsegpt --allocation uniform,alphapruning --epsilon 0.1:0.4:0.1 \
      --calibration c4.npy --eval wikitext.npy --output sweep
  alphaprune_mpi report sweep pruned --output compared
)";
}

std::string answer_to(const Options& question) {
    if (question.command == Command::version) {
        return version_text();
    }
    const std::vector<std::string>& words = question.help_words;
    const std::string topic = words.empty() ? "" : words.front();
    if (topic == "completion") {
        return completion_script(words.size() > 1 ? words[1] : "");
    }
    if (topic == "man") {
        return man_page();
    }
    if (topic != "errors") {
        return help_text();
    }
    return words.size() == 1
               ? error_catalogue()
               : error_catalogue(fmt::format("{}", fmt::join(words.begin() + 1, words.end(), " ")));
}

}  // namespace alphaprune::cli
