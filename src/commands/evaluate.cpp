#include <fmt/format.h>

#include <cstdio>

#include "alphaprune/commands/commands.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "model_source.hpp"
#include "texts.hpp"

namespace alphaprune {

ExitStatus evaluate(const Communicator& ranks, const Options& options) {
    const Catalogue catalogue = load_model(ranks, options);
    const std::vector<EvaluationText> texts =
        load_evaluations(ranks, options.evaluations, catalogue, options.sequence_length);
    const RowSource source = together(ranks, [&] { return open_source(catalogue); });
    std::vector<Perplexity> results;
    for (const EvaluationText& text : texts) {
        results.push_back(evaluate_text(ranks, catalogue, source, text, "of the model"));
    }
    for (std::size_t t = 0; t < texts.size() && ranks.is_root(); ++t) {
        if (texts.size() > 1) {
            fmt::print("{}\n", texts[t].file.string());
        }
        fmt::print("perplexity {:.6g} (seqlen {}, windows {})\n", results[t].value,
                   results[t].seqlen, results[t].windows);
    }
    std::fflush(stdout);
    return ExitStatus::done;
}

}  // namespace alphaprune
