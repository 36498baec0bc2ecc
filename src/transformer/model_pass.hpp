#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/support/stop.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "shared_weights.hpp"

namespace alphaprune::transformer {

/// Sequences of all ranks on their way through the whole model, block after block, each block and
/// each part of the vocabulary being held once on a node. All calls are made collectively, also on
/// ranks that have no sequence.
class ModelPass {
  public:
    /// @throws Error on all ranks when the model has no forward pass or no head
    ModelPass(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
              const model::RowSource& source)
        : ranks_(ranks),
          source_(source),
          node_(ranks.split_by_node()),
          plan_(parallel::run_collectively(ranks,
                                           [&] {
                                               ForwardPlan plan = make_forward_plan(catalogue);
                                               require_head(plan);
                                               return plan;
                                           })),
          runner_(make_cpu_block_runner(node_, plan_)) {}

    const ForwardPlan& plan() const { return plan_; }

    /// From token ids through all blocks.
    /// @param sequences   of this rank, all of one length, which is the same on all ranks
    /// @param block_done  called after each block
    /// @throws Error on all ranks
    void run(std::span<const std::span<const std::int32_t>> sequences,
             const std::function<void()>& block_done) {
        parallel::run_collectively(ranks_, [&] { runner_->embed(sequences, source_); });
        for (int block = 0; block < static_cast<int>(plan_.blocks.size()); ++block) {
            parallel::run_collectively(ranks_, [&] {
                runner_->load(block, source_);
                for (std::int64_t s = 0; s < runner_->sequences(); ++s) {
                    runner_->advance(s);
                }
            });
            block_done();
        }
        parallel::run_collectively(ranks_, [&] { runner_->load_head(source_); });
    }

    /// What a sequence's features (tokens × feature_size) and some rows of the vocabulary's
    /// projection are for: their products are logits.
    using UseVocabulary =
        std::function<void(std::size_t sequence, linalg::ConstFloatView features,
                           parallel::RowRange rows, linalg::ConstFloatView weights)>;
    /// After run(): reads the vocabulary's projection in parts of about `bytes` of float32, and
    /// hands each with each of this rank's sequences to `use`.
    void for_each_vocabulary_part(std::uint64_t bytes, const UseVocabulary& use) {
        const model::TensorInfo& table = plan_.tensor(plan_.vocabulary);
        const std::int64_t length = table.row_length();
        const auto affordable = static_cast<std::int64_t>(bytes / sizeof(float)) / length;
        const std::int64_t high = std::clamp<std::int64_t>(affordable, 1, table.rows());
        const auto tokens = static_cast<std::int64_t>(runner_->state_size()) /
                            std::max<std::int64_t>(plan_.hidden_size(), 1);
        std::vector<float> features(static_cast<std::size_t>(tokens * length));
        parallel::NodeArray<float> part(node_, high * length);
        for (std::int64_t begin = 0; begin < table.rows(); begin += high) {
            const parallel::RowRange rows{begin, std::min(begin + high, table.rows())};
            const parallel::RowRange mine =
                parallel::share_of(rows.size(), node_.size(), node_.rank());
            parallel::run_collectively(ranks_, [&] {
                read_widened(source_, table, {rows.begin + mine.begin, rows.begin + mine.end},
                             part.values().subspan(static_cast<std::size_t>(mine.begin * length),
                                                   static_cast<std::size_t>(mine.size() * length)));
            });
            part.sync();
            parallel::run_collectively(ranks_, [&] {
                support::check_stop();
                for (std::int64_t s = 0; s < runner_->sequences(); ++s) {
                    runner_->features(s, features);
                    use(static_cast<std::size_t>(s), {features.data(), tokens, length, length},
                        rows, {part.values().data(), rows.size(), length, length});
                }
            });
            part.sync();  // before the next part takes its place
        }
    }

  private:
    const parallel::Communicator& ranks_;
    const model::RowSource& source_;
    parallel::Communicator node_;
    ForwardPlan plan_;
    std::unique_ptr<BlockRunner> runner_;
};

}  // namespace alphaprune::transformer
