#include <algorithm>
#include <cassert>
#include <memory>
#include <optional>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/stop.hpp"
#include "block_pass.hpp"
#include "block_runners.hpp"
#include "cpu_math.hpp"
#include "layers.hpp"
#include "packed_layers.hpp"
#include "rotary.hpp"
#include "scratch_cutter.hpp"
#include "shared_weights.hpp"
#include "team_memory.hpp"
#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

class CpuBlockRunner : public BlockRunner {
  public:
    CpuBlockRunner(const parallel::Communicator& node, const parallel::Team& team,
                   const ForwardPlan& plan, linalg::ForwardPrecision precision)
        : node_(node),
          team_(team),
          plan_(plan),
          precision_(precision),
          rotary_(rotations(plan.blocks)),
          scratch_(team.ranks()),
          of_threads_(team.threads().size(), CpuMath::thread_scratch()),
          states_(team.ranks()),
          beside_(team.ranks()),
          kept_(team.ranks()),
          split_(team.ranks()),
          products_(static_cast<std::size_t>(team.threads().size())) {
        linalg::use_one_blas_thread();
    }

    void embed(std::span<const std::span<const std::int32_t>> sequences,
               const model::RowSource& source) override {
        sequences_ = static_cast<std::int64_t>(sequences.size());
        tokens_ = sequences.empty() ? 0 : static_cast<std::int64_t>(sequences.front().size());
        states_.at_least(static_cast<std::int64_t>(sequences.size() * state_size()));
        for (std::size_t s = 0; s < sequences.size(); ++s) {
            assert(static_cast<std::int64_t>(sequences[s].size()) == tokens_);
            transformer::embed(team_, plan_, source, sequences[s],
                               own_state(static_cast<std::int64_t>(s)));
        }
    }

    std::int64_t sequences() const override { return sequences_; }
    std::size_t state_size() const override {
        return static_cast<std::size_t>(tokens_ * plan_.hidden_size());
    }
    std::span<const float> state(std::int64_t sequence) override { return own_state(sequence); }
    void put_state(std::int64_t sequence, std::span<const float> values) override {
        std::ranges::copy(values, own_state(sequence).begin());
    }
    void keep_state(std::int64_t sequence) override {
        copy(own_state(sequence), beside_.at_least(static_cast<std::int64_t>(state_size())));
    }
    void put_back_state(std::int64_t sequence) override {
        copy(beside_.values().first(state_size()), own_state(sequence));
    }

    void load(int block, const model::RowSource& source) override {
        const BlockPlan& plan = plan_.block(block);
        packed_.reset();
        hold(in_float32(plan.tensors, plan.layouts), source);
        block_ = block;
        if (precision_ != linalg::ForwardPrecision::float32) {
            packed_.emplace(node_, team_.threads(), plan_, plan, precision_);
            packed_->pack(*weights_);
        }
    }

    void advance(std::int64_t sequence) override {
        in_pass({}, [&](BlockPass& pass) { pass.run(own_state(sequence)); });
    }

    void observe(std::int64_t sequence, const InputObserver& observer) override {
        keep_state(sequence);
        const auto beside = beside_.values().first(state_size());
        in_pass(observer, [&](BlockPass& pass) { pass.run_to_last_site(beside); });
    }

    void step(std::int64_t sequence, std::size_t site, const InputObserver& observer) override {
        in_pass(observer,
                [&](BlockPass& pass) { pass.step(site, own_state(sequence), kept(sequence)); });
    }

    void leave(std::int64_t sequence) override {
        in_pass({}, [&](BlockPass& pass) { pass.leave(own_state(sequence), kept(sequence)); });
    }

    void step_and_leave(std::int64_t sequence, const InputObserver& observer) override {
        in_pass(observer,
                [&](BlockPass& pass) { pass.step_and_leave(own_state(sequence), kept(sequence)); });
    }

    std::span<float> rows(int matrix, parallel::RowRange outputs) override {
        const model::MatrixInfo& info = plan_.catalogue->matrices[static_cast<std::size_t>(matrix)];
        assert(0 <= outputs.begin && outputs.begin <= outputs.end && outputs.end <= info.outputs());
        return weights_->outputs(info.tensor, info.expert, info.pattern, info.outputs())
            .subspan(static_cast<std::size_t>(outputs.begin * info.inputs()),
                     static_cast<std::size_t>(outputs.size() * info.inputs()));
    }

    void sync() override { weights_->sync(); }

    void replaced(int matrix) override {
        weights_->sync();
        repack(plan_.catalogue->matrices[static_cast<std::size_t>(matrix)].tensor);
    }

    std::span<const std::byte> stored_rows(int tensor, parallel::RowRange rows,
                                           std::vector<std::byte>& room) override {
        return weights_->stored_rows(tensor, rows, room);
    }

    void load_tensor(int tensor, const model::RowSource& source) override {
        weights_->load_tensor(tensor, source);
        repack(tensor);
    }

    void load_head(const model::RowSource& source) override {
        packed_.reset();
        hold(in_float32(head_tensors(plan_)), source);
    }

    std::span<const float> features(std::int64_t sequence) override {
        const std::int64_t wide = plan_.hidden_size();
        const std::int64_t narrow = plan_.feature_size();
        const LayerWeights layers(team_, *weights_, plan_.frame_tensors);
        ScratchCutter scratch(
            scratch_.at_least(whole_lines(tokens_ * wide) + whole_lines(tokens_ * narrow)));
        const auto normed = scratch.cut(tokens_ * wide);
        team_.sync();  // what was there before has been read
        if (plan_.frame.final_norm) {
            layers.run(*plan_.frame.final_norm, own_state(sequence), normed);
        } else {
            copy(own_state(sequence), normed);
        }
        auto out = normed;
        if (plan_.frame.project_out >= 0) {
            model::LinearLayer projection;
            projection.weight = plan_.frame.project_out;
            projection.rows = narrow;
            projection.cols = wide;
            out = scratch.cut(tokens_ * narrow);
            layers.run({projection, normed, out});
        }
        if (plan_.frame.logits_multiplier != 1) {
            team_.share_slices(tokens_, kTokenSlice, [&](parallel::RowRange tokens) {
                scale(rows_of(out, narrow, tokens),
                      static_cast<float>(plan_.frame.logits_multiplier));
            });
        }
        return out;
    }

    void hold_vocabulary(parallel::RowRange rows, linalg::ConstFloatView weights) override {
        vocabulary_rows_ = rows;
        vocabulary_ = weights;
    }

    void add_vocabulary(std::int64_t sequence, std::span<TokenLoss> losses) override {
        const std::span<const float> values = features(sequence);
        const auto softcap = static_cast<float>(plan_.frame.logits_softcap);
        const auto count = static_cast<std::int64_t>(losses.size());
        of_losses_.resize(static_cast<std::size_t>(team_.threads().size() * kLossScratch));
        assert(count <= tokens_);
        team_.share(
            (count + kPredictionTile - 1) / kPredictionTile, [&](std::int64_t t, int thread) {
                support::check_stop();
                const parallel::RowRange tile{t * kPredictionTile,
                                              std::min((t + 1) * kPredictionTile, count)};
                const auto features = rows_of(values, plan_.feature_size(), tile);
                transformer::add_vocabulary(
                    rows_of(losses, 1, tile),
                    {features.data(), tile.size(), plan_.feature_size(), plan_.feature_size()},
                    vocabulary_rows_, vocabulary_, softcap,
                    std::span(of_losses_)
                        .subspan(static_cast<std::size_t>(thread * kLossScratch),
                                 static_cast<std::size_t>(kLossScratch)));
            });
    }

  private:
    std::span<float> own_state(std::int64_t sequence) {
        return states_.values().subspan(static_cast<std::size_t>(sequence) * state_size(),
                                        state_size());
    }

    void copy(std::span<const float> from, std::span<float> to) {
        team_.share_slices(tokens_, kTokenSlice, [&](parallel::RowRange tokens) {
            std::ranges::copy(rows_of(from, plan_.hidden_size(), tokens),
                              rows_of(to, plan_.hidden_size(), tokens).begin());
        });
    }

    void hold(std::vector<SharedWeights::Held> tensors, const model::RowSource& source) {
        auto memory = weights_ ? weights_->take_memory() : std::nullopt;
        weights_.reset();
        weights_.emplace(node_, *plan_.catalogue, std::move(tensors), team_.threads(),
                         std::move(memory));
        weights_->load(source);
    }

    void repack(int tensor) {
        if (packed_) {
            packed_->pack(*weights_, tensor);
        }
    }

    /// What a pass in steps keeps of a sequence.
    std::span<float> kept(std::int64_t sequence) {
        const std::int64_t each = tokens_ * kept_width(plan_.block(block_).description);
        return kept_.at_least(each * sequences_)
            .subspan(static_cast<std::size_t>(sequence * each), static_cast<std::size_t>(each));
    }

    template <class Use>
    void in_pass(const InputObserver& observer, Use use) {
        if (tokens_ == 0) {
            return;
        }
        rotary_.reach(tokens_);
        const BlockPlan& block = plan_.block(block_);
        const auto scratch =
            scratch_.at_least(block_scratch(block.description, plan_.hidden_size(), tokens_));
        std::optional<PackedMath> packed;
        if (packed_) {
            packed.emplace(PackedMath{*packed_, split_, products_});
        }
        const LayerWeights weights(team_, *weights_, block.tensors, packed ? &*packed : nullptr);
        CpuMath math(weights, block.description, rotary_, of_threads_);
        BlockPass pass(block, math, plan_.hidden_size(), tokens_, scratch, observer);
        use(pass);
    }

    const parallel::Communicator& node_;
    const parallel::Team& team_;
    const ForwardPlan& plan_;
    linalg::ForwardPrecision precision_;
    RotaryTables rotary_;
    TeamMemory scratch_;
    ThreadScratch of_threads_;
    std::int64_t sequences_ = 0;
    std::int64_t tokens_ = 0;  ///< of each sequence
    TeamMemory states_;        ///< one after another, tokens × hidden each
    TeamMemory beside_;        ///< one more
    TeamMemory kept_;          ///< of all sequences, while they are in the middle of a block
    TeamMemory split_;         ///< activations in bfloat16
    std::vector<linalg::ProductScratch> products_;  ///< of each thread
    std::optional<SharedWeights> weights_;
    std::optional<PackedLayers> packed_;  ///< of the block, where products are in bfloat16
    int block_ = 0;                       ///< whose weights are loaded
    parallel::RowRange vocabulary_rows_;
    linalg::ConstFloatView vocabulary_;  ///< these rows
    std::vector<float> of_losses_;       ///< scratch of each thread
};

}  // namespace

std::unique_ptr<BlockRunner> make_cpu_block_runner(const parallel::Communicator& node,
                                                   const parallel::Team& team,
                                                   const ForwardPlan& plan,
                                                   linalg::ForwardPrecision precision) {
    return std::make_unique<CpuBlockRunner>(node, team, plan, precision);
}

}  // namespace alphaprune::transformer
