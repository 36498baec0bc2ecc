#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "page/markup.hpp"
#include "page/page_parts.hpp"

namespace alphaprune::report {
namespace {

std::string fact(std::string_view name, const std::string& value) {
    return value.empty() ? ""
                         : fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", name,
                                       escaped(value));
}

std::string calibration_text(const CalibrationReport& calibration) {
    std::string text = fmt::format("{}: {} sequences of {} tokens, seed {}", calibration.text,
                                   calibration.sequences, calibration.seqlen, calibration.seed);
    for (const CalibrationFileReport& file : calibration.files) {
        text += fmt::format("; {} weight {}: {} sequences", file.path, number_text(file.weight),
                            file.sequences);
    }
    return text;
}

std::string targets_text(const TargetsReport& targets) {
    return fmt::format("dense target {}, residual target {}, damping {}, sites {}",
                       number_text(targets.dense_target), number_text(targets.residual_target),
                       number_text(targets.damping), targets.site_order);
}

/// Some hosts by name, and how many more there are.
std::string hosts_text(const std::vector<std::string>& hosts) {
    constexpr std::size_t kShown = 16;
    const std::size_t shown = std::min(hosts.size(), kShown);
    std::string text = fmt::format(
        "{}", fmt::join(hosts.begin(), hosts.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
    return shown < hosts.size() ? fmt::format("{} and {} more", text, hosts.size() - shown) : text;
}

}  // namespace

std::string warnings_part(const PageContents& contents) {
    std::string list;
    for (const std::string& note : contents.report.notes) {
        list += fmt::format("<li>{}</li>\n", escaped(note));
    }
    return section("warnings", "Warnings", list.empty() ? "" : "<ul>\n" + list + "</ul>\n");
}

std::string repeat_part(const PageContents& contents) {
    const RunReport& report = contents.report;
    std::vector<std::string> words{"mpirun", "-n", std::to_string(report.ranks)};
    words.insert(words.end(), report.command_line.begin(), report.command_line.end());
    std::string facts =
        fact("program",
             fmt::format("alphaprune_mpi {} ({})", report.program_version, report.program_commit)) +
        fact("started", report.started) +
        fact("ranks", fmt::format("{} × {} threads on {}", report.ranks, report.threads_per_rank,
                                  hosts_text(report.hosts))) +
        fact("calibration", report.calibration ? calibration_text(*report.calibration) : "") +
        fact("targets", report.targets ? targets_text(*report.targets) : "") +
        fact("products of activations", report.forward_precision) +
        fact("identity of the results", report.identity);
    return section(
        "repeat", "How to repeat the run",
        fmt::format("<pre tabindex=\"0\"><code>{}</code></pre>\n<p>The words are as they were "
                    "given; options from a configuration file or the environment are not among "
                    "them. All numbers of this page are in <code>report.json</code>.</p>\n",
                    escaped(shell_line(words))) +
            scrollable("Facts of the run",
                       "<table class=\"facts\"><tbody>\n" + facts + "</tbody></table>\n"));
}

std::string words_part(const PageContents& contents) {
    std::string text =
        "<dl>\n<dt>sparsity ratio</dt><dd>The share of a matrix's weights that become zero.</dd>\n"
        "<dt>alpha</dt><dd>The exponent of the power law p(λ) ∝ λ<sup>−α</sup> fitted to the tail "
        "of a matrix's spectrum. Small means a heavy tail: few directions carry most of the "
        "matrix, which AlphaPruning (arXiv 2410.10912) takes for the sign of a well-trained "
        "one.</dd>\n<dt>λ_min</dt><dd>Where the tail begins; smaller eigenvalues are not "
        "fitted.</dd>\n";
    if (contents.report.allocation) {
        text +=
            "<dt>perplexity</dt><dd>How unsure the model is of the next token of a text, as a "
            "number of equally likely ones; smaller is better.</dd>\n<dt>uniform ratios</dt>"
            "<dd>The same ratio for every matrix: what other ratios are to be better "
            "than.</dd>\n";
    }
    return section("words", "Words", text + "</dl>\n");
}

}  // namespace alphaprune::report
