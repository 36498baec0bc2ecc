#include <fmt/format.h>

#include <string>
#include <vector>

#include "alphaprune/commands/commands.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/transformer/forward_check.hpp"
#include "model_source.hpp"
#include "result.hpp"
#include "texts.hpp"

namespace alphaprune::commands {

support::ExitStatus evaluate(const parallel::Communicator& ranks, const cli::Options& options) {
    const model::Catalogue catalogue = load_model(ranks, options);
    const model::RowSource source =
        parallel::together(ranks, [&] { return open_source(catalogue); });
    say_warnings(
        transformer::check_forward_pass(ranks, catalogue, source, transformer::PassReach::head));
    const std::vector<EvaluationText> texts =
        load_evaluations(ranks, options.evaluations, catalogue, options.sequence_length);
    std::vector<transformer::Perplexity> results;
    for (const EvaluationText& text : texts) {
        results.push_back(evaluate_text(ranks, catalogue, source, text, "of the model"));
    }
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
        throw support::failure(
            "the perplexity is not a number: activations or losses are NaN or too large", without,
            "check the model's weights, and that the tokens are its tokenizer's")
            .mark_agreed();
    }
    return support::ExitStatus::done;
}

}  // namespace alphaprune::commands
