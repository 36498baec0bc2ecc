#include "continuation_losses.hpp"

#include <algorithm>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/stop.hpp"
#include "alphaprune/transformer/token_loss.hpp"
#include "scratch_cutter.hpp"
#include "team_memory.hpp"
#include "vocabulary_parts.hpp"

namespace alphaprune::transformer {
namespace {

/// Some targets of one continuation, which are computed at once.
struct TargetTile {
    std::size_t scored = 0;   ///< of which continuation
    std::int64_t row = 0;     ///< of its first feature among those of all
    std::int64_t target = 0;  ///< the first
    std::int64_t count = 0;
};

std::vector<TargetTile> tiles_of(std::span<const ScoredTokens> scored) {
    std::vector<TargetTile> tiles;
    std::int64_t row = 0;
    for (std::size_t s = 0; s < scored.size(); ++s) {
        const auto count = static_cast<std::int64_t>(scored[s].targets.size());
        for (std::int64_t target = 0; target < count; target += kPredictionTile) {
            tiles.push_back({s, row + target, target, std::min(kPredictionTile, count - target)});
        }
        row += count;
    }
    return tiles;
}

/// The features behind which the targets are expected, one row a target, in memory of the team.
void gather_features(const parallel::Team& team, BlockRunner& runner, std::int64_t width,
                     std::span<const ScoredTokens> scored, std::span<const TargetTile> tiles,
                     std::span<float> rows) {
    const float* features = nullptr;
    std::int64_t sequence = -1;
    for (const TargetTile& tile : tiles) {
        const ScoredTokens& tokens = scored[tile.scored];
        if (tokens.sequence != sequence) {
            sequence = tokens.sequence;
            features = runner.features(sequence).data();
        }
        const float* from = features + (tokens.first + tile.target) * width;
        team.share(1, [&](std::int64_t, int) {
            std::copy_n(from, tile.count * width, rows.data() + tile.row * width);
        });
    }
}

}  // namespace

std::vector<double> continuation_losses(const parallel::Communicator& ranks,
                                        const parallel::Communicator& node,
                                        const parallel::Team& team, const ForwardPlan& plan,
                                        BlockRunner& runner, const model::RowSource& source,
                                        std::span<const ScoredTokens> scored,
                                        std::uint64_t vocabulary_bytes) {
    const std::int64_t width = plan.tensor(plan.vocabulary).row_length();
    const std::vector<TargetTile> tiles = tiles_of(scored);
    std::vector<TokenLoss> losses;
    for (const ScoredTokens& tokens : scored) {
        for (const std::int32_t target : tokens.targets) {
            losses.push_back({target});
        }
    }
    TeamMemory memory(team.ranks());
    const std::span<float> rows = parallel::run_collectively(ranks, [&] {
        const auto values = memory.at_least(
            std::max<std::int64_t>(static_cast<std::int64_t>(losses.size()) * width, 1));
        gather_features(team, runner, width, scored, tiles, values);
        return values;
    });
    const ThreadScratch scratch(team.threads().size(), kLossScratch);
    for_each_vocabulary_rows(
        ranks, node, plan, source, vocabulary_bytes,
        [&](parallel::RowRange part, linalg::ConstFloatView weights) {
            team.share(static_cast<std::int64_t>(tiles.size()), [&](std::int64_t t, int thread) {
                support::check_stop();
                const TargetTile& tile = tiles[static_cast<std::size_t>(t)];
                add_vocabulary(std::span(losses).subspan(static_cast<std::size_t>(tile.row),
                                                         static_cast<std::size_t>(tile.count)),
                               {rows.data() + tile.row * width, tile.count, width, width}, part,
                               weights, static_cast<float>(plan.frame.logits_softcap),
                               scratch.of(thread));
            });
        });
    // Each target's loss in its place, zero from all ranks of the team but the one that has it.
    std::vector<double> of_targets(losses.size());
    for (std::size_t t = 0; t < tiles.size(); ++t) {
        if (static_cast<int>(t) % team.ranks().size() == team.ranks().rank()) {
            for (std::int64_t i = tiles[t].row; i < tiles[t].row + tiles[t].count; ++i) {
                of_targets[static_cast<std::size_t>(i)] =
                    losses[static_cast<std::size_t>(i)].value();
            }
        }
    }
    team.ranks().all_reduce_sum(std::span(of_targets));
    std::vector<double> totals(scored.size());
    for (const TargetTile& tile : tiles) {
        for (std::int64_t i = tile.row; i < tile.row + tile.count; ++i) {
            totals[tile.scored] += of_targets[static_cast<std::size_t>(i)];
        }
    }
    return totals;
}

}  // namespace alphaprune::transformer
