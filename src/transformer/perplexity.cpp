#include "alphaprune/transformer/perplexity.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/stop.hpp"
#include "model_pass.hpp"
#include "vector_math.hpp"
#include "vocabulary_parts.hpp"

namespace alphaprune::transformer {
namespace {

const support::BadRequest<> kShortWindow{
    "transformer.short-window", "a window of fewer than 2 tokens predicts nothing",
    "each token but the last predicts the next one", "evaluate with a --seqlen of 2 or more"};
const support::BadRequest<> kNoWindow{"transformer.no-window", "there is no window to evaluate",
                                      "the text has fewer tokens than a window",
                                      "give a longer text or a shorter --seqlen"};

constexpr std::int64_t kPredictionTile = 128;
constexpr std::int64_t kVocabularyTile = 1024;

/// Negative log-likelihood of the token that follows each token of a sequence, built up from one
/// part of the vocabulary after another: nobody holds the logits of all of it. The ranks of a team
/// take tiles of tokens, always the same ones.
class TokenLosses {
  public:
    static constexpr std::int64_t kScratch = kPredictionTile * kVocabularyTile;

    /// @param tokens   the sequence; its last token predicts nothing
    /// @param softcap  of the logits; 0: none
    TokenLosses(std::span<const std::int32_t> tokens, double softcap)
        : softcap_(static_cast<float>(softcap)) {
        for (std::size_t next = 1; next < tokens.size(); ++next) {
            losses_.push_back({tokens[next], 0, -std::numeric_limits<float>::infinity(), 0});
        }
    }

    /// Run collectively by the team.
    /// @param features  one row a token, at least for all but the last
    /// @param weights   these rows of the vocabulary's projection
    /// @param scratch   kScratch values
    void add_vocabulary(const parallel::Team& team, linalg::ConstFloatView features,
                        parallel::RowRange rows, linalg::ConstFloatView weights,
                        const ThreadScratch& scratch) {
        const auto predictions = static_cast<std::int64_t>(losses_.size());
        assert(features.rows >= predictions && weights.rows == rows.size());
        const std::int64_t tiles = (predictions + kPredictionTile - 1) / kPredictionTile;
        team.share(tiles, [&](std::int64_t tile, int thread) {
            support::check_stop();
            const std::int64_t token = tile * kPredictionTile;
            add_to_tokens({token, std::min(token + kPredictionTile, predictions)}, features, rows,
                          weights, scratch.of(thread));
        });
    }

    /// The sum over the sequence, when the whole vocabulary was added. Run collectively by the
    /// team.
    double total(const parallel::Team& team) const {
        const std::int64_t ranks = team.ranks().size();
        std::vector<double> of_tokens(losses_.size());  // zero where another rank has the loss
        for (std::size_t token = 0; token < losses_.size(); ++token) {
            const std::int64_t tile = static_cast<std::int64_t>(token) / kPredictionTile;
            if (tile % ranks == team.ranks().rank()) {
                const Loss& loss = losses_[token];
                of_tokens[token] = std::log(loss.total) + static_cast<double>(loss.largest) -
                                   static_cast<double>(loss.target_logit);
            }
        }
        team.ranks().all_reduce_sum(std::span(of_tokens));
        return std::accumulate(of_tokens.begin(), of_tokens.end(), 0.0);
    }

  private:
    struct Loss {
        std::int64_t target = 0;
        float target_logit = 0;
        float largest;     ///< logit so far
        double total = 0;  ///< Σ e^(logit − largest)
    };

    void add_to_tokens(parallel::RowRange tokens, linalg::ConstFloatView features,
                       parallel::RowRange rows, linalg::ConstFloatView weights,
                       std::span<float> scratch) {
        for (std::int64_t row = 0; row < rows.size(); row += kVocabularyTile) {
            const std::int64_t wide = std::min(kVocabularyTile, rows.size() - row);
            linalg::sgemm(1,
                          {features.data + tokens.begin * features.stride, tokens.size(),
                           features.cols, features.stride},
                          {weights.data + row * weights.stride, wide, weights.cols, weights.stride},
                          linalg::Transpose::yes, 0, {scratch.data(), tokens.size(), wide, wide});
            if (softcap_ > 0) {
                soft_cap(scratch.first(static_cast<std::size_t>(tokens.size() * wide)), softcap_);
            }
            for (std::int64_t i = 0; i < tokens.size(); ++i) {
                add_logits(losses_[static_cast<std::size_t>(tokens.begin + i)],
                           {rows.begin + row, rows.begin + row + wide},
                           {scratch.data() + i * wide, static_cast<std::size_t>(wide)});
            }
        }
    }

    static void add_logits(Loss& loss, parallel::RowRange rows, std::span<const float> logits) {
        const float most = std::max(loss.largest, largest(logits));
        if (most > loss.largest) {
            loss.total *= std::exp(static_cast<double>(loss.largest - most));
            loss.largest = most;
        }
        loss.total += static_cast<double>(sum_of_exponentials(logits, most));
        if (rows.begin <= loss.target && loss.target < rows.end) {
            loss.target_logit = logits[static_cast<std::size_t>(loss.target - rows.begin)];
        }
    }

    float softcap_;
    std::vector<Loss> losses_;
};

void check_windows(const model::TokenSequences& windows) {
    if (windows.length < 2) {
        throw kShortWindow("evaluation");
    }
    if (windows.count() == 0) {
        throw kNoWindow("evaluation");
    }
}

/// How often the model must be gone through so that each team can hold its windows' states.
int passes_needed(const parallel::Communicator& ranks, const parallel::Teams& teams,
                  std::uint64_t window_bytes, std::uint64_t limit_of_rank) {
    const std::uint64_t limit =
        limit_of_rank * static_cast<std::uint64_t>(teams.own().ranks().size());
    const auto at_once =
        static_cast<std::int64_t>(std::max<std::uint64_t>(limit / window_bytes, 1));
    const std::int64_t passes = (teams.items().size() + at_once - 1) / at_once;
    return static_cast<int>(std::max<std::int64_t>(ranks.max(passes), 1));
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

std::vector<double> token_losses(
    const parallel::Communicator& ranks, const parallel::Communicator& node,
    const parallel::Team& team, const ForwardPlan& plan, BlockRunner& runner,
    const model::RowSource& source,
    std::span<const std::pair<std::int64_t, std::span<const std::int32_t>>> scored,
    std::uint64_t vocabulary_bytes) {
    std::vector<std::int64_t> chosen;
    std::vector<TokenLosses> losses;
    for (const auto& [sequence, tokens] : scored) {
        chosen.push_back(sequence);
        losses.emplace_back(tokens, plan.frame.logits_softcap);
    }
    const ThreadScratch scratch(team.threads().size(), TokenLosses::kScratch);
    for_each_vocabulary_part(ranks, node, plan, runner, source, chosen, vocabulary_bytes,
                             [&](std::size_t c, linalg::ConstFloatView features,
                                 parallel::RowRange rows, linalg::ConstFloatView weights) {
                                 losses[c].add_vocabulary(team, features, rows, weights, scratch);
                             });
    std::vector<double> totals;
    for (const TokenLosses& loss : losses) {
        totals.push_back(loss.total(team));
    }
    return totals;
}

Perplexity measure_perplexity(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                              const model::Catalogue& catalogue, const model::RowSource& source,
                              const model::TokenSequences& windows,
                              const std::function<void(std::int64_t, std::int64_t)>& progress,
                              const PerplexitySettings& settings) {
    parallel::run_collectively(ranks, [&] { check_windows(windows); });
    ModelPass model(ranks, nodes, catalogue, source, windows.count(), settings.precision);
    const parallel::Teams& teams = model.teams();
    const parallel::RowRange mine = teams.items();
    const auto window_bytes =
        static_cast<std::uint64_t>(windows.length * model.plan().hidden_size()) * sizeof(float);
    const int passes = passes_needed(ranks, teams, window_bytes, settings.state_bytes);

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
