#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/parallel/team.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "alphaprune/transformer/perplexity.hpp"
#include "continuation_losses.hpp"

namespace alphaprune::transformer {

/// Sequences of all ranks on their way through the whole model, block after block, each block and
/// each part of the vocabulary being held once on a node. All calls are made collectively, also on
/// ranks that have no sequence.
class ModelPass {
  public:
    /// @param sequences  at most so many are run at a time, over all ranks
    /// @throws Error on all ranks when the model has no forward pass or no head
    ModelPass(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
              const model::Catalogue& catalogue, const model::RowSource& source,
              std::int64_t sequences, const ForwardSettings& forward = {})
        : ranks_(ranks),
          source_(source),
          node_(nodes.node()),
          clock_(nodes.clock()),
          teams_(ranks, nodes, sequences, forward.teams()),
          plan_(parallel::run_collectively(ranks,
                                           [&] {
                                               ForwardPlan plan = make_forward_plan(catalogue);
                                               require_head(plan);
                                               return plan;
                                           })),
          runner_(make_block_runner(node_, teams_.own(), plan_, forward)) {}

    const ForwardPlan& plan() const { return plan_; }
    /// Which sequences each rank takes part in.
    const parallel::Teams& teams() const { return teams_; }

    /// How often the model must be gone through so that each team can hold its sequences' states.
    /// Collective.
    /// @param length         tokens of a sequence
    /// @param limit_of_rank  bytes
    int passes_needed(std::int64_t length, std::uint64_t limit_of_rank) const {
        const auto bytes = static_cast<std::uint64_t>(length * plan_.hidden_size()) * sizeof(float);
        const std::uint64_t limit =
            limit_of_rank * static_cast<std::uint64_t>(teams_.own().ranks().size());
        const auto at_once = static_cast<std::int64_t>(std::max<std::uint64_t>(limit / bytes, 1));
        const std::int64_t passes = (teams_.items().size() + at_once - 1) / at_once;
        return static_cast<int>(std::max<std::int64_t>(ranks_.max(passes), 1));
    }

    /// From token ids through all blocks.
    /// @param sequences   of this rank's team, all of one length, which is the same on all ranks
    /// @param block_done  called after each block
    /// @throws Error on all ranks
    void run(std::span<const std::span<const std::int32_t>> sequences,
             const std::function<void()>& block_done) {
        parallel::work_collectively(ranks_, clock_, parallel::Work::read,
                                    [&] { runner_->embed(sequences, source_); });
        for (int block = 0; block < static_cast<int>(plan_.blocks.size()); ++block) {
            clock_.begin_block(block);
            parallel::work_collectively(ranks_, clock_, [&] {
                load(block);
                const auto running = clock_.during(parallel::Work::forward);
                for (std::int64_t s = 0; s < runner_->sequences(); ++s) {
                    runner_->advance(s);
                }
            });
            block_done();
        }
        clock_.end_blocks();
        parallel::work_collectively(ranks_, clock_, parallel::Work::read,
                                    [&] { runner_->load_head(source_); });
    }

    BlockRunner& runner() { return *runner_; }

    /// After run(): see token_losses().
    std::vector<double> losses(
        std::span<const std::pair<std::int64_t, std::span<const std::int32_t>>> scored,
        std::uint64_t vocabulary_bytes) {
        const auto running = clock_.during(parallel::Work::forward);
        return token_losses(ranks_, node_, teams_.own(), plan_, *runner_, source_, scored,
                            vocabulary_bytes);
    }

    /// After run(): see continuation_losses().
    std::vector<double> continuation_losses(std::span<const ScoredTokens> scored,
                                            std::uint64_t vocabulary_bytes) {
        const auto running = clock_.during(parallel::Work::forward);
        return transformer::continuation_losses(ranks_, node_, teams_.own(), plan_, *runner_,
                                                source_, scored, vocabulary_bytes);
    }

  private:
    void load(int block) {
        const auto reading = clock_.during(parallel::Work::read);
        runner_->load(block, source_);
    }

    const parallel::Communicator& ranks_;
    const model::RowSource& source_;
    const parallel::Communicator& node_;
    parallel::WorkClock& clock_;
    parallel::Teams teams_;
    ForwardPlan plan_;
    std::unique_ptr<BlockRunner> runner_;
};

}  // namespace alphaprune::transformer
