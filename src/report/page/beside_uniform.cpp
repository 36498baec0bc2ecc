#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "alphaprune/pruning/pruners.hpp"
#include "page/markup.hpp"
#include "page/page_parts.hpp"

namespace alphaprune::report {
namespace {

constexpr std::string_view kUniform = "uniform";

/// An option of a command line with its value, which may be empty.
struct GivenOption {
    std::string name;                ///< as in the table of options, without "--"
    std::vector<std::string> words;  ///< as they stand there
};

/// Words that belong to no option (program, command) have no name.
std::vector<GivenOption> options_in(const std::vector<std::string>& words) {
    std::vector<GivenOption> options;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (!word.starts_with("--")) {
            options.push_back({"", {word}});
            continue;
        }
        const std::size_t equals = word.find('=');
        GivenOption option{word.substr(2, equals == std::string::npos ? equals : equals - 2),
                           {word}};
        std::ranges::replace(option.name, '_', '-');
        const bool is_flag = option.name == "overwrite" || option.name == "resume";
        if (equals == std::string::npos && !is_flag && i + 1 < words.size() &&
            !words[i + 1].starts_with("--")) {
            option.words.push_back(words[++i]);
        }
        options.push_back(std::move(option));
    }
    return options;
}

/// What has no effect beside uniform ratios, and is refused.
std::set<std::string> without_effect(const RunReport& report) {
    std::set<std::string> names{"allocation", "metric",    "metric-cache", "mapping-type",
                                "epsilon",    "precision", "farms-aspect", "overwrite",
                                "resume",     "output",    "search-time",  "search-evaluations"};
    for (const OwnOption& option : report.allocation->own_options) {
        names.insert(option.name);
    }
    const pruning::Pruner* pruner = pruning::find_pruner(report.prune_method);
    if (!report.targets && pruner != nullptr && !pruner->needs_activations()) {
        names.insert({"calibration", "nsamples", "seed"});  // the allocation alone looked at them
        if (report.perplexities.empty()) {
            names.insert("seqlen");
        }
    }
    return names;
}

bool has_uniform_ratios(const RunReport& report) {
    const bool fixed_pattern = !report.sparsity_type.empty() &&
                               report.sparsity_type.find(':') != std::string::npos &&
                               !report.sparsity_type.starts_with("mixed");
    return report.allocation->name == kUniform || fixed_pattern;
}

std::string command_text(const RunReport& report) {
    return fmt::format("<pre tabindex=\"0\"><code>{}</code></pre>\n",
                       escaped(shell_line(uniform_command(report))));
}

/// "(−5.3 %)": of a perplexity against another
std::string change_text(double of, double against) {
    const double change = of / against - 1;
    return fmt::format("{}{:.1f} %", change < 0 ? "−" : "+", 100 * std::fabs(change));
}

}  // namespace

std::vector<std::string> uniform_command(const RunReport& report) {
    const std::set<std::string> dropped = without_effect(report);
    std::vector<std::string> words{"mpirun", "-n", std::to_string(report.ranks)};
    std::string output = "pruned";
    bool has_ratio = false;
    for (const GivenOption& option : options_in(report.command_line)) {
        if (option.name == "output") {
            output = option.words.size() > 1
                         ? option.words[1]
                         : option.words[0].substr(option.words[0].find('=') + 1);
        }
        has_ratio = has_ratio || option.name == "sparsity-ratio";
        if (!dropped.contains(option.name)) {
            words.insert(words.end(), option.words.begin(), option.words.end());
        }
    }
    while (output.size() > 1 && output.ends_with('/')) {
        output.pop_back();
    }
    if (!has_ratio) {
        words.insert(words.end(),
                     {"--sparsity-ratio", fmt::format("{}", report.allocation->sparsity_ratio)});
    }
    words.insert(words.end(),
                 {"--allocation", std::string(kUniform), "--output", output + "-uniform"});
    return words;
}

std::string beside_uniform(const RunReport& report) {
    if (!report.allocation) {
        return {};
    }
    const std::string ratio = number_text(report.allocation->sparsity_ratio);
    if (has_uniform_ratios(report)) {
        return fmt::format("<p>These <b>are</b> uniform ratios: {} of every matrix.</p>\n", ratio);
    }
    double uniform = NAN;
    double best = INFINITY;
    for (const SearchStepReport& step : report.search) {
        const double perplexity = step.perplexity.value_or(NAN);
        if (step.change == kUniform) {
            uniform = perplexity;
        }
        best = std::isfinite(perplexity) ? std::min(best, perplexity) : best;
    }
    if (std::isfinite(uniform) && std::isfinite(best) && uniform > 0) {
        return fmt::format(
                   "<p>The search tried them: their perplexity on held-out calibration sequences "
                   "is <b>{}</b>, that of the best of all {} candidates {} ({}). On other text "
                   "uniform ratios were not run; this would:</p>\n",
                   number_text(uniform), report.search.size(), number_text(best),
                   change_text(best, uniform)) +
               command_text(report);
    }
    return fmt::format(
               "<p>Uniform ratios ({} of every matrix) were <b>not run</b>. This runs them, for "
               "the same sparsity:</p>\n",
               ratio) +
           command_text(report);
}

}  // namespace alphaprune::report
