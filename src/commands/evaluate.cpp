#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "choices.hpp"
#include "commands.hpp"
#include "forward_settings.hpp"
#include "job.hpp"
#include "output_folder.hpp"
#include "stages.hpp"

namespace alphaprune::commands {

namespace {

const support::Failure<> kNoPerplexity{
    "commands.no-perplexity",
    "the perplexity is not a number: activations or losses are NaN or too large",
    "activations overflowed because weights are damaged, or the tokens are of another model",
    "check the model's weights, and that the tokens are its tokenizer's"};

const support::Warning<std::string_view, std::string> kNoNumber{
    "commands.perplexity-is-no-number",
    "the perplexity of the {} model on {} is not a number (null in report.json): activations or "
    "losses are NaN or too large",
    "activations overflowed because weights are damaged, or the pruned model assigns a token of "
    "the text no probability at all",
    "check the model's weights and its tokenizer; ask for a lower sparsity ratio"};

/// Perplexity on a text, with a progress line.
/// @param what  "of the dense model", for that line
transformer::Perplexity evaluate_text(const parallel::Communicator& ranks,
                                      const parallel::NodeMap& nodes,
                                      const model::Catalogue& catalogue,
                                      const model::RowSource& source, const EvaluationText& text,
                                      const transformer::ForwardSettings& forward,
                                      const std::string& what) {
    report::ProgressLine line(fmt::format("perplexity {}", what), "blocks", ranks.is_root());
    return transformer::measure_perplexity(
        ranks, nodes, catalogue, source, text.windows,
        [&](std::int64_t done, std::int64_t total) { line.update(done, total); }, {forward});
}

/// The perplexities as lines, the name of each text above its own when there are several.
/// @throws Error (failed) on all ranks, after printing, naming the texts whose perplexity is none
void print_perplexities(const parallel::Communicator& ranks,
                        const std::vector<EvaluationText>& texts,
                        const std::vector<transformer::Perplexity>& results) {
    std::string lines;
    std::string without;
    for (std::size_t t = 0; t < texts.size(); ++t) {
        if (!results[t].is_number()) {
            without += (without.empty() ? "" : ", ") + texts[t].file.string();
            continue;
        }
        if (texts.size() > 1) {
            lines += texts[t].file.string() + "\n";
        }
        lines += fmt::format("perplexity {:.6g} (seqlen {}, windows {})\n", results[t].value,
                             results[t].seqlen, results[t].windows);
    }
    print_result(ranks, lines);
    if (!without.empty()) {
        throw kNoPerplexity(without).mark_agreed();
    }
}

/// What an earlier attempt has measured on a text.
std::optional<transformer::Perplexity> known_perplexity(const Job& job, bool pruned,
                                                        std::size_t text) {
    for (const resume::KnownPerplexity& known : job.journal->earlier().perplexities) {
        if (known.pruned == pruned && known.text == static_cast<std::int64_t>(text)) {
            return transformer::Perplexity{known.value, known.seqlen, known.windows};
        }
    }
    return std::nullopt;
}

/// Perplexities on all texts, each recorded as it comes. Collective.
std::vector<transformer::Perplexity> perplexities_of(Job& job, const Inputs& inputs,
                                                     const model::Catalogue& catalogue,
                                                     bool pruned) {
    const model::RowSource source =
        parallel::run_collectively(job.ranks, [&] { return open_source(catalogue); });
    std::vector<transformer::Perplexity> results;
    for (std::size_t t = 0; t < inputs.evaluations.size(); ++t) {
        if (const auto known = known_perplexity(job, pruned, t)) {
            results.push_back(*known);
            continue;
        }
        const transformer::Perplexity found =
            evaluate_text(job.ranks, inputs.nodes, catalogue, source, inputs.evaluations[t],
                          inputs.forward, pruned ? "of the pruned model" : "of the dense model");
        parallel::run_on_root(job.ranks, [&] {
            job.journal->add_perplexity(
                {pruned, static_cast<std::int64_t>(t), found.value, found.seqlen, found.windows});
        });
        results.push_back(found);
    }
    return results;
}

}  // namespace

support::ExitStatus evaluate(const parallel::Communicator& ranks, const cli::Options& options) {
    const model::Catalogue catalogue = load_model(ranks, options);
    const transformer::ForwardSettings forward = forward_settings(
        ranks, options, device::card_of_rank(ranks, ranks.split_by_node(), options.device));
    const model::RowSource source =
        parallel::run_collectively(ranks, [&] { return open_source(catalogue); });
    say_warnings(
        transformer::check_forward_pass(ranks, catalogue, source, transformer::PassReach::head));
    const std::vector<EvaluationText> texts = load_evaluations(ranks, options, catalogue);
    const std::vector<ChoiceFile> tasks = load_choices(ranks, options, catalogue);
    const parallel::NodeMap nodes = place_ranks(ranks, threads_per_rank(ranks, options));
    evaluate_choices(ranks, nodes, options, forward, catalogue, source, tasks);
    std::vector<transformer::Perplexity> results;
    for (const EvaluationText& text : texts) {
        results.push_back(
            evaluate_text(ranks, nodes, catalogue, source, text, forward, "of the model"));
    }
    print_perplexities(ranks, texts, results);
    return support::ExitStatus::done;
}

std::vector<transformer::Perplexity> dense_perplexities(Job& job, const Inputs& inputs) {
    if (inputs.evaluations.empty()) {
        return {};
    }
    inputs.nodes.clock().begin_phase();
    std::vector<transformer::Perplexity> found = job.clock.measure(
        "evaluate", [&] { return perplexities_of(job, inputs, job.catalogue, false); });
    keep_timeline(job, "evaluate", inputs.nodes.clock());
    return found;
}

Perplexities evaluate_before_and_after(Job& job, const Inputs& inputs,
                                       const std::vector<transformer::Perplexity>* dense) {
    if (inputs.evaluations.empty()) {
        return {};
    }
    inputs.nodes.clock().begin_phase();
    Perplexities found = job.clock.measure("evaluate", [&] {
        const std::string_view written = job.options.write_hdf5 ? kCheckpointName : kFolderName;
        Perplexities perplexities;
        perplexities.dense =
            dense != nullptr ? *dense : perplexities_of(job, inputs, job.catalogue, false);
        perplexities.pruned = perplexities_of(
            job, inputs, load_catalogue(job.ranks, job.options.output / written), true);
        for (std::size_t t = 0; t < inputs.evaluations.size(); ++t) {
            for (const bool pruned : {false, true}) {
                if (!(pruned ? perplexities.pruned : perplexities.dense)[t].is_number()) {
                    perplexities.notes.push_back(kNoNumber(pruned ? "pruned" : "dense",
                                                           inputs.evaluations[t].file.string()));
                }
            }
        }
        return perplexities;
    });
    keep_timeline(job, "evaluate", inputs.nodes.clock());
    return found;
}

}  // namespace alphaprune::commands
