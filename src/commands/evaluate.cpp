#include <fmt/format.h>

#include <string>
#include <vector>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/transformer/forward_plan.hpp"
#include "commands.hpp"
#include "model_source.hpp"
#include "stages.hpp"

namespace alphaprune::commands {

namespace {

const support::Failure<> kNoPerplexity{
    "commands.no-perplexity",
    "the perplexity is not a number: activations or losses are NaN or too large",
    "activations overflowed because weights are damaged, or the tokens are of another model",
    "check the model's weights, and that the tokens are its tokenizer's"};

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

}  // namespace

support::ExitStatus evaluate(const parallel::Communicator& ranks, const cli::Options& options) {
    const model::Catalogue catalogue = load_model(ranks, options);
    const model::RowSource source =
        parallel::run_collectively(ranks, [&] { return open_source(catalogue); });
    say_warnings(
        transformer::check_forward_pass(ranks, catalogue, source, transformer::PassReach::head));
    const std::vector<EvaluationText> texts = load_evaluations(ranks, options, catalogue);
    std::vector<transformer::Perplexity> results;
    for (const EvaluationText& text : texts) {
        results.push_back(evaluate_text(ranks, catalogue, source, text, "of the model"));
    }
    print_perplexities(ranks, texts, results);
    return support::ExitStatus::done;
}

}  // namespace alphaprune::commands
