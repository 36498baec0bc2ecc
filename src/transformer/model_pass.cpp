#include "model_pass.hpp"

#include <algorithm>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/support/stop.hpp"
#include "read_widened.hpp"

namespace alphaprune::transformer {

ModelPass::ModelPass(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                     const model::RowSource& source)
    : ranks_(ranks),
      catalogue_(catalogue),
      source_(source),
      node_(ranks.split_by_node()),
      transformer_(parallel::run_collectively(ranks, [&] {
          Transformer transformer(catalogue);
          transformer.require_head();
          return transformer;
      })) {}

std::int64_t ModelPass::state_size(std::int64_t tokens) const {
    return tokens * std::max(transformer_.hidden_size(), transformer_.feature_size());
}

std::vector<float> ModelPass::features_of(std::span<const std::span<const std::int32_t>> sequences,
                                          std::int64_t tokens,
                                          const std::function<void()>& block_done) const {
    std::vector<float> states = embedded(sequences, tokens);
    run_blocks(states, tokens, block_done);
    turn_into_features(states, tokens);
    return states;
}

std::vector<float> ModelPass::embedded(std::span<const std::span<const std::int32_t>> sequences,
                                       std::int64_t tokens) const {
    const auto state = static_cast<std::size_t>(state_size(tokens));
    const auto hidden = static_cast<std::size_t>(tokens * transformer_.hidden_size());
    std::vector<float> states(sequences.size() * state);
    parallel::run_collectively(ranks_, [&] {
        for (std::size_t i = 0; i < sequences.size(); ++i) {
            transformer_.embed(source_, sequences[i], std::span(states).subspan(i * state, hidden));
        }
    });
    return states;
}

void ModelPass::run_blocks(std::span<float> states, std::int64_t tokens,
                           const std::function<void()>& block_done) const {
    const auto state = static_cast<std::size_t>(state_size(tokens));
    const auto hidden = static_cast<std::size_t>(tokens * transformer_.hidden_size());
    for (int block = 0; block < catalogue_.configuration.blocks; ++block) {
        SharedWeights weights(node_, catalogue_, transformer_.block_tensors(block));
        parallel::run_collectively(ranks_, [&] {
            weights.load(source_);
            for (std::size_t at = 0; at < states.size(); at += state) {
                transformer_.run_block(block, weights, states.subspan(at, hidden), tokens, {});
            }
        });
        block_done();
    }
}

void ModelPass::turn_into_features(std::span<float> states, std::int64_t tokens) const {
    const auto state = static_cast<std::size_t>(state_size(tokens));
    const auto hidden = static_cast<std::size_t>(tokens * transformer_.hidden_size());
    SharedWeights weights(node_, catalogue_, transformer_.head_tensors());
    std::vector<float> features(static_cast<std::size_t>(tokens * transformer_.feature_size()));
    parallel::run_collectively(ranks_, [&] {
        weights.load(source_);
        for (std::size_t at = 0; at < states.size(); at += state) {
            transformer_.features(weights, states.subspan(at, hidden), tokens, features);
            std::ranges::copy(features, states.subspan(at).begin());
        }
    });
}

void ModelPass::for_each_vocabulary_part(
    std::uint64_t bytes,
    const std::function<void(parallel::RowRange, linalg::ConstFloatView)>& use) const {
    const model::TensorInfo& table =
        catalogue_.tensors[static_cast<std::size_t>(transformer_.vocabulary_tensor())];
    const std::int64_t length = table.row_length();
    const auto affordable = static_cast<std::int64_t>(bytes / sizeof(float)) / length;
    const std::int64_t high = std::clamp<std::int64_t>(affordable, 1, table.rows());
    parallel::NodeArray<float> part(node_, high * length);
    for (std::int64_t begin = 0; begin < table.rows(); begin += high) {
        const parallel::RowRange rows{begin, std::min(begin + high, table.rows())};
        const parallel::RowRange mine = parallel::share_of(rows.size(), node_.size(), node_.rank());
        parallel::run_collectively(ranks_, [&] {
            read_widened(source_, table, {rows.begin + mine.begin, rows.begin + mine.end},
                         part.values().subspan(static_cast<std::size_t>(mine.begin * length),
                                               static_cast<std::size_t>(mine.size() * length)));
        });
        part.sync();
        parallel::run_collectively(ranks_, [&] {
            support::check_stop();
            use(rows, {part.values().data(), rows.size(), length, length});
        });
        part.sync();  // before the next part takes its place
    }
}

}  // namespace alphaprune::transformer
