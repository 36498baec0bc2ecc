#include "alphaprune/transformer/choice_scores.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "length_classes.hpp"
#include "model_pass.hpp"

namespace alphaprune::transformer {
namespace {

/// Work that takes about as long as reading a model once more.
constexpr std::int64_t kPassTokens = 4096;

/// What the model reads of some continuations that differ in their last tokens alone.
struct ReadTokens {
    std::span<const std::int32_t> tokens;
    std::vector<std::size_t> continuations;
};

std::span<const std::int32_t> read_of(const model::Continuation& continuation) {
    return std::span(continuation.tokens).first(continuation.tokens.size() - 1);
}

/// What is read of all of them, each once, the longest first.
std::vector<ReadTokens> different_ones(std::span<const model::Continuation> continuations) {
    std::vector<std::size_t> order(continuations.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto before = [&](std::size_t a, std::size_t b) {
        const auto left = read_of(continuations[a]);
        const auto right = read_of(continuations[b]);
        return left.size() != right.size() ? left.size() > right.size()
                                           : std::ranges::lexicographical_compare(left, right);
    };
    std::ranges::stable_sort(order, before);
    std::vector<ReadTokens> read;
    for (const std::size_t c : order) {
        const auto tokens = read_of(continuations[c]);
        if (read.empty() || !std::ranges::equal(read.back().tokens, tokens)) {
            read.push_back({tokens, {}});
        }
        read.back().continuations.push_back(c);
    }
    return read;
}

/// Whether how a token is rotated depends on how many others there are: then nothing is padded.
bool depends_on_length(const model::ModelConfiguration& configuration) {
    const auto depends = [](const model::RopeParameters& rope) {
        return rope.type == "dynamic" || rope.type == "longrope";
    };
    return depends(configuration.rope) ||
           (configuration.window_rope && depends(*configuration.window_rope));
}

/// Runs some sequences, padded to the length of the first, and enters the losses of their
/// continuations. Collective.
void run_padded(ModelPass& model, std::span<const ReadTokens> read, std::int64_t length,
                std::span<const model::Continuation> continuations, std::uint64_t vocabulary_bytes,
                const std::function<void()>& block_done, std::span<double> losses) {
    std::vector<std::int32_t> padded(read.size() * static_cast<std::size_t>(length), 0);
    std::vector<std::span<const std::int32_t>> sequences;
    std::vector<ScoredTokens> scored;
    std::vector<std::size_t> numbers;
    for (std::size_t s = 0; s < read.size(); ++s) {
        const auto place = std::span(padded).subspan(s * static_cast<std::size_t>(length),
                                                     static_cast<std::size_t>(length));
        std::ranges::copy(read[s].tokens, place.begin());
        sequences.emplace_back(place);
        for (const std::size_t c : read[s].continuations) {
            const auto targets = std::span(continuations[c].tokens)
                                     .last(static_cast<std::size_t>(continuations[c].scored));
            const auto first = static_cast<std::int64_t>(read[s].tokens.size() - targets.size());
            scored.push_back({static_cast<std::int64_t>(s), first, targets});
            numbers.push_back(c);
        }
    }
    model.run(sequences, block_done);
    const std::vector<double> found = model.continuation_losses(scored, vocabulary_bytes);
    if (model.teams().is_first()) {
        for (std::size_t i = 0; i < found.size(); ++i) {
            losses[numbers[i]] = found[i];
        }
    }
}

/// The first of the largest, as numpy.argmax finds it.
std::int64_t first_largest(std::span<const double> values) {
    return std::ranges::max_element(values) - values.begin();
}

bool is_among(std::int64_t choice, const std::vector<std::int64_t>& answers) {
    return std::ranges::find(answers, choice) != answers.end();
}

ItemScore score_of(const model::ChoiceItem& item, std::span<const double> likelihoods) {
    ItemScore score{{likelihoods.begin(), likelihoods.end()}, 0, 0, false, false};
    std::vector<double> normalized;
    for (std::size_t c = 0; c < likelihoods.size(); ++c) {
        normalized.push_back(likelihoods[c] / static_cast<double>(item.characters[c]));
    }
    score.chosen = first_largest(likelihoods);
    score.chosen_norm = first_largest(normalized);
    score.right = is_among(score.chosen, item.answers);
    score.right_norm = is_among(score.chosen_norm, item.answers);
    return score;
}

}  // namespace

std::vector<double> log_likelihoods(const parallel::Communicator& ranks,
                                    const parallel::NodeMap& nodes,
                                    const model::Catalogue& catalogue,
                                    const model::RowSource& source,
                                    std::span<const model::Continuation> continuations,
                                    const std::function<void(std::int64_t, std::int64_t)>& progress,
                                    const PerplexitySettings& settings) {
    const std::vector<ReadTokens> read = different_ones(continuations);
    std::vector<std::int64_t> lengths;
    for (const ReadTokens& one : read) {
        lengths.push_back(static_cast<std::int64_t>(one.tokens.size()));
    }
    // Each loss in its place, zero from all ranks but one: adding those changes no bit.
    std::vector<double> losses(continuations.size());
    double done = 0;
    for (const parallel::RowRange& some :
         length_classes(lengths, depends_on_length(catalogue.configuration) ? 0 : kPassTokens)) {
        const std::int64_t length = lengths[static_cast<std::size_t>(some.begin)];
        ModelPass model(ranks, nodes, catalogue, source, some.size(), settings.forward);
        const parallel::RowRange mine = model.teams().items();
        const int passes = model.passes_needed(length, settings.state_bytes);
        const double step = static_cast<double>(some.size()) /
                            static_cast<double>(passes * catalogue.configuration.blocks);
        const auto block_done = [&] {
            done += step;
            if (progress && ranks.is_root()) {
                progress(std::llround(done), static_cast<std::int64_t>(read.size()));
            }
        };
        for (int pass = 0; pass < passes; ++pass) {
            const parallel::RowRange part = parallel::share_of(mine.size(), passes, pass);
            run_padded(model,
                       std::span(read).subspan(
                           static_cast<std::size_t>(some.begin + mine.begin + part.begin),
                           static_cast<std::size_t>(part.size())),
                       length, continuations, settings.vocabulary_bytes, block_done, losses);
        }
    }
    ranks.all_reduce_sum(std::span(losses));
    std::ranges::transform(losses, losses.begin(), std::negate<>());
    return losses;
}

bool ChoiceScores::is_number() const {
    return std::ranges::none_of(items, [](const ItemScore& item) {
        return std::ranges::any_of(item.likelihoods, [](double l) { return std::isnan(l); });
    });
}

ChoiceScores score_choices(const model::ChoiceTask& task, std::span<const double> likelihoods) {
    ChoiceScores scores;
    std::int64_t right = 0;
    std::int64_t right_norm = 0;
    for (const model::ChoiceItem& item : task.items) {
        const std::size_t choices = item.choices.size();
        scores.items.push_back(score_of(item, likelihoods.first(choices)));
        likelihoods = likelihoods.subspan(choices);
        right += scores.items.back().right ? 1 : 0;
        right_norm += scores.items.back().right_norm ? 1 : 0;
    }
    const auto items = static_cast<double>(task.items.size());
    scores.acc = static_cast<double>(right) / items;
    scores.acc_norm = static_cast<double>(right_norm) / items;
    return scores;
}

}  // namespace alphaprune::transformer
