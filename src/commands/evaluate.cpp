#include <fmt/format.h>

#include <string>
#include <vector>

#include "alphaprune/commands/commands.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "model_source.hpp"
#include "result.hpp"
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
    std::string lines;
    for (std::size_t t = 0; t < texts.size(); ++t) {
        if (texts.size() > 1) {
            lines += texts[t].file.string() + "\n";
        }
        lines += fmt::format("perplexity {:.6g} (seqlen {}, windows {})\n", results[t].value,
                             results[t].seqlen, results[t].windows);
    }
    print_result(ranks, lines);
    return ExitStatus::done;
}

}  // namespace alphaprune
