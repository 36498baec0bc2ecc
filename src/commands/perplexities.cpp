#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"
#include "alphaprune/support/message.hpp"
#include "model_source.hpp"
#include "output_folder.hpp"
#include "stages.hpp"

namespace alphaprune::commands {
namespace {

const support::Warning<std::string_view, std::string> kNoNumber{
    "commands.perplexity-is-no-number",
    "the perplexity of the {} model on {} is not a number (null in report.json): activations or "
    "losses are NaN or too large",
    "activations overflowed because weights are damaged, or the pruned model assigns a token of "
    "the "
    "text no probability at all",
    "check the model's weights and its tokenizer; ask for a lower sparsity ratio"};

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
            evaluate_text(job.ranks, catalogue, source, inputs.evaluations[t],
                          pruned ? "of the pruned model" : "of the dense model");
        parallel::run_collectively(job.ranks, [&] {
            if (job.ranks.is_root()) {
                job.journal->add_perplexity({pruned, static_cast<std::int64_t>(t), found.value,
                                             found.seqlen, found.windows});
            }
        });
        results.push_back(found);
    }
    return results;
}

void note_no_number(const transformer::Perplexity& perplexity, std::string_view which,
                    const EvaluationText& text, Perplexities& perplexities) {
    if (!perplexity.is_number()) {
        perplexities.notes.push_back(kNoNumber(which, text.file.string()));
    }
}

}  // namespace

transformer::Perplexity evaluate_text(const parallel::Communicator& ranks,
                                      const model::Catalogue& catalogue,
                                      const model::RowSource& source, const EvaluationText& text,
                                      const std::string& what) {
    report::ProgressLine line(fmt::format("perplexity {}", what), "blocks", ranks.is_root());
    return transformer::measure_perplexity(
        ranks, catalogue, source, text.windows,
        [&](std::int64_t done, std::int64_t total) { line.update(done, total); });
}

Perplexities evaluate_before_and_after(Job& job, const Inputs& inputs) {
    if (inputs.evaluations.empty()) {
        return {};
    }
    return job.clock.measure("evaluate", [&] {
        const std::string_view written = job.options.write_hdf5 ? kCheckpointName : kFolderName;
        Perplexities perplexities;
        perplexities.dense = perplexities_of(job, inputs, job.catalogue, false);
        perplexities.pruned = perplexities_of(
            job, inputs, load_catalogue(job.ranks, job.options.output / written), true);
        for (std::size_t t = 0; t < inputs.evaluations.size(); ++t) {
            const EvaluationText& text = inputs.evaluations[t];
            note_no_number(perplexities.dense[t], "dense", text, perplexities);
            note_no_number(perplexities.pruned[t], "pruned", text, perplexities);
        }
        return perplexities;
    });
}

}  // namespace alphaprune::commands
