#include "alphaprune/transformer/perplexity.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/transformer/token_loss.hpp"
#include "model_pass.hpp"
#include "vocabulary_parts.hpp"

namespace alphaprune::transformer {
namespace {

const support::BadRequest<> kShortWindow{
    "transformer.short-window", "a window of fewer than 2 tokens predicts nothing",
    "each token but the last predicts the next one", "evaluate with a --seqlen of 2 or more"};
const support::BadRequest<> kNoWindow{"transformer.no-window", "there is no window to evaluate",
                                      "the text has fewer tokens than a window",
                                      "give a longer text or a shorter --seqlen"};

/// Of the token that follows each token of a sequence, the last excepted.
std::vector<TokenLoss> losses_to_find(std::span<const std::int32_t> tokens) {
    std::vector<TokenLoss> losses;
    for (std::size_t next = 1; next < tokens.size(); ++next) {
        losses.push_back({tokens[next]});
    }
    return losses;
}

/// The sum over a sequence, when the whole vocabulary was added. Run collectively by the team.
double total_of(const parallel::Team& team, std::span<const TokenLoss> losses) {
    const std::int64_t ranks = team.ranks().size();
    std::vector<double> of_tokens(losses.size());  // zero where another rank has the loss
    for (std::size_t token = 0; token < losses.size(); ++token) {
        const std::int64_t tile = static_cast<std::int64_t>(token) / kPredictionTile;
        if (tile % ranks == team.ranks().rank()) {
            of_tokens[token] = losses[token].value();
        }
    }
    team.ranks().all_reduce_sum(std::span(of_tokens));
    return std::accumulate(of_tokens.begin(), of_tokens.end(), 0.0);
}

void check_windows(const model::TokenSequences& windows) {
    if (windows.length < 2) {
        throw kShortWindow("evaluation");
    }
    if (windows.count() == 0) {
        throw kNoWindow("evaluation");
    }
}

/// Total loss of each of some windows of this team.
std::vector<double> losses_of(ModelPass& model, const model::TokenSequences& windows,
                              parallel::RowRange mine, std::uint64_t vocabulary_bytes,
                              const std::function<void()>& block_done) {
    std::vector<std::span<const std::int32_t>> sequences;
    std::vector<std::pair<std::int64_t, std::span<const std::int32_t>>> scored;
    for (std::int64_t i = mine.begin; i < mine.end; ++i) {
        sequences.push_back(windows.sequence(i));
        scored.emplace_back(i - mine.begin, sequences.back());
    }
    model.run(sequences, block_done);
    return model.losses(scored, vocabulary_bytes);
}

}  // namespace

std::uint64_t loss_scratch_bytes() {
    return static_cast<std::uint64_t>(kLossScratch) * sizeof(float);
}

std::vector<double> token_losses(
    const parallel::Communicator& ranks, const parallel::Communicator& node,
    const parallel::Team& team, const ForwardPlan& plan, BlockRunner& runner,
    const model::RowSource& source,
    std::span<const std::pair<std::int64_t, std::span<const std::int32_t>>> scored,
    std::uint64_t vocabulary_bytes) {
    std::vector<std::vector<TokenLoss>> losses;
    for (const auto& [sequence, tokens] : scored) {
        losses.push_back(losses_to_find(tokens));
    }
    for_each_vocabulary_rows(ranks, node, plan, source, vocabulary_bytes,
                             [&](parallel::RowRange rows, linalg::ConstFloatView weights) {
                                 runner.hold_vocabulary(rows, weights);
                                 for (std::size_t i = 0; i < scored.size(); ++i) {
                                     runner.add_vocabulary(scored[i].first, losses[i]);
                                 }
                             });
    std::vector<double> totals;
    for (const std::vector<TokenLoss>& loss : losses) {
        totals.push_back(total_of(team, loss));
    }
    return totals;
}

Perplexity measure_perplexity(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                              const model::Catalogue& catalogue, const model::RowSource& source,
                              const model::TokenSequences& windows,
                              const std::function<void(std::int64_t, std::int64_t)>& progress,
                              const PerplexitySettings& settings) {
    parallel::run_collectively(ranks, [&] { check_windows(windows); });
    ModelPass model(ranks, nodes, catalogue, source, windows.count(), settings.forward);
    const parallel::Teams& teams = model.teams();
    const parallel::RowRange mine = teams.items();
    const int passes = model.passes_needed(windows.length, settings.state_bytes);

    std::int64_t done = 0;
    const auto block_done = [&] {
        ++done;
        if (progress && ranks.is_root()) {
            progress(done, passes * catalogue.configuration.blocks);
        }
    };
    // Each window's loss in its place, zero from all ranks but one: adding those changes no bit.
    std::vector<double> losses(static_cast<std::size_t>(windows.count()));
    for (int pass = 0; pass < passes; ++pass) {
        const parallel::RowRange part = parallel::share_of(mine.size(), passes, pass);
        const parallel::RowRange now{mine.begin + part.begin, mine.begin + part.end};
        const auto found = losses_of(model, windows, now, settings.vocabulary_bytes, block_done);
        if (teams.is_first()) {
            std::ranges::copy(found, losses.begin() + now.begin);
        }
    }
    ranks.all_reduce_sum(std::span(losses));

    double total = 0;
    for (const double loss : losses) {
        total += loss;
    }
    const auto predictions = static_cast<double>(windows.count() * (windows.length - 1));
    return {std::exp(total / predictions), windows.length, windows.count()};
}

}  // namespace alphaprune::transformer
