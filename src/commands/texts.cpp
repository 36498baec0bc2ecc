#include "texts.hpp"

#include <fmt/format.h>

#include <optional>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/report/progress.hpp"

namespace alphaprune::commands {
namespace {

/// What rank 0 made of a file, on every rank.
model::TokenSequences from_rank_0(const parallel::Communicator& ranks,
                                  const std::function<model::TokenSequences()>& read) {
    model::TokenSequences sequences;
    parallel::together(ranks, [&] {
        if (ranks.is_root()) {
            sequences = read();
        }
    });
    std::int64_t sizes[2] = {sequences.length, static_cast<std::int64_t>(sequences.ids.size())};
    ranks.broadcast(std::span<std::int64_t>(sizes));
    sequences.length = sizes[0];
    sequences.ids.resize(static_cast<std::size_t>(sizes[1]));
    ranks.broadcast(std::span(sequences.ids));
    return sequences;
}

std::optional<std::int64_t> widened(std::optional<int> number) {
    return number ? std::optional<std::int64_t>(*number) : std::nullopt;
}

}  // namespace

model::TokenSequences load_calibration(const parallel::Communicator& ranks,
                                       const std::filesystem::path& file,
                                       const model::Catalogue& catalogue, std::optional<int> count,
                                       std::optional<int> length, std::uint64_t seed) {
    return from_rank_0(ranks, [&] {
        return model::calibration_sequences(model::read_tokens(file, catalogue), catalogue,
                                            widened(count), widened(length), seed);
    });
}

std::vector<EvaluationText> load_evaluations(const parallel::Communicator& ranks,
                                             const std::vector<std::filesystem::path>& files,
                                             const model::Catalogue& catalogue,
                                             std::optional<int> length) {
    std::vector<EvaluationText> texts;
    support::FaultList faults;
    for (const std::filesystem::path& file : files) {
        try {
            texts.push_back({file, from_rank_0(ranks, [&] {
                                 return model::evaluation_windows(
                                     model::read_tokens(file, catalogue), catalogue,
                                     widened(length));
                             })});
        } catch (const support::Error& error) {  // the same on every rank
            faults.add(error);
        }
    }
    parallel::together(ranks, [&] { faults.throw_if_any(); });
    return texts;
}

transformer::Perplexity evaluate_text(const parallel::Communicator& ranks,
                                      const model::Catalogue& catalogue,
                                      const model::RowSource& source, const EvaluationText& text,
                                      const std::string& what) {
    report::ProgressLine line(fmt::format("perplexity {}", what), "blocks", ranks.is_root());
    return transformer::measure_perplexity(
        ranks, catalogue, source, text.windows,
        [&](std::int64_t done, std::int64_t total) { line.update(done, total); });
}

}  // namespace alphaprune::commands
