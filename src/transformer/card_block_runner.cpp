#include <algorithm>
#include <cassert>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/device/card_module.hpp"
#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/support/stop.hpp"
#include "block_pass.hpp"
#include "block_runners.hpp"
#include "card_block_weights.hpp"
#include "card_failure.hpp"
#include "card_inputs.hpp"
#include "card_math.hpp"
#include "card_states.hpp"
#include "card_sums.hpp"
#include "card_vocabulary.hpp"
#include "layers.hpp"

namespace alphaprune::transformer {
namespace {

class CardBlockRunner : public BlockRunner {
  public:
    CardBlockRunner(const parallel::Communicator& node, const parallel::Team& team,
                    const ForwardPlan& plan, const ForwardSettings& settings,
                    std::shared_ptr<card::ForwardLane> lane)
        : team_(team),
          plan_(plan),
          precision_(settings.precision),
          lane_(std::move(lane)),
          tables_(*lane_, rotations(plan.blocks)),
          weights_(node, team.threads(), *plan.catalogue, *lane_, precision_),
          vocabulary_(*lane_),
          math_scratch_(*lane_),
          scratch_(*lane_),
          states_(*lane_, settings.states_on_card),
          beside_(*lane_),
          kept_(*lane_, settings.states_on_card),
          scales_(*lane_),
          inputs_(*lane_),
          far_(*lane_, precision_) {
        assert(team.ranks().size() == 1);
    }

    const std::shared_ptr<card::ForwardLane>& lane() const { return lane_; }

    void embed(std::span<const std::span<const std::int32_t>> sequences,
               const model::RowSource& source) override {
        sequences_ = static_cast<std::int64_t>(sequences.size());
        tokens_ = sequences.empty() ? 0 : static_cast<std::int64_t>(sequences.front().size());
        on_card([&] {
            states_.reserve(sequences_, static_cast<std::int64_t>(state_size()));
            for (std::int64_t s = 0; s < sequences_; ++s) {
                states_.fill(s, [&](std::span<float> state) {
                    transformer::embed(team_, plan_, source, sequences[static_cast<std::size_t>(s)],
                                       state);
                });
            }
            states_.filled();
        });
    }

    std::int64_t sequences() const override { return sequences_; }
    std::size_t state_size() const override {
        return static_cast<std::size_t>(tokens_ * plan_.hidden_size());
    }
    std::span<const float> state(std::int64_t sequence) override {
        return on_card([&] { return inputs_.on_host(states_.home(sequence), host_values_); });
    }
    void put_state(std::int64_t sequence, std::span<const float> values) override {
        on_card([&] { upload(states_.home(sequence), values); });
    }
    void keep_state(std::int64_t sequence) override {
        on_card([&] { copy(states_.home(sequence), one_beside()); });
    }
    void put_back_state(std::int64_t sequence) override {
        on_card([&] { copy(one_beside(), states_.home(sequence)); });
    }

    void load(int block, const model::RowSource& source) override {
        const BlockPlan& plan = plan_.block(block);
        weights_.load(plan.tensors, plan.layouts, plan.description.layers, source);
        block_ = block;
    }

    void set_needs(InputNeeds needs) override { needs_ = needs; }
    linalg::FarMemory* far() override { return needs_ == InputNeeds::products ? &far_ : nullptr; }

    void advance(std::int64_t sequence) override {
        on_card([&] {
            states_.change(sequence, [&](std::span<float> state) {
                in_pass({}, [&](BlockPass& pass) { pass.run(state); });
            });
        });
    }

    void observe(std::int64_t sequence, const InputObserver& observer) override {
        keep_state(sequence);
        in_pass(observer, [&](BlockPass& pass) { pass.run_to_last_site(one_beside()); });
    }

    void finish_observing() override {
        on_card([&] { inputs_.finish(); });
    }

    void step(std::int64_t sequence, std::size_t site, const InputObserver& observer) override {
        in_the_middle(sequence, [&](std::span<float> state, std::span<float> kept) {
            in_pass(observer, [&](BlockPass& pass) { pass.step(site, state, kept); });
        });
    }
    void leave(std::int64_t sequence) override {
        in_the_middle(sequence, [&](std::span<float> state, std::span<float> kept) {
            in_pass({}, [&](BlockPass& pass) { pass.leave(state, kept); });
        });
    }
    void step_and_leave(std::int64_t sequence, const InputObserver& observer) override {
        in_the_middle(sequence, [&](std::span<float> state, std::span<float> kept) {
            in_pass(observer, [&](BlockPass& pass) { pass.step_and_leave(state, kept); });
        });
    }

    std::span<float> rows(int matrix, parallel::RowRange outputs) override {
        return weights_.rows(matrix, outputs);
    }
    bool can_drop() const override { return true; }
    std::int64_t drop_lowest(int matrix, parallel::RowRange outputs, std::span<const float> scales,
                             const RowDrop& drop) override {
        const CardWeights::Rows there = weights_.change_there(matrix, outputs);
        return on_card([&] {
            return lane_->drop_lowest({.weights = there.values,
                                       .type = there.type,
                                       .rows = outputs.size(),
                                       .cols = std::ssize(scales),
                                       .scales = scales_.filled(scales).data(),
                                       .dropped = drop.dropped,
                                       .group = drop.group,
                                       .removed = drop.removed});
        });
    }
    void take_rows(int matrix, parallel::RowRange outputs, float* to) override {
        const CardWeights::Rows there = weights_.rows_there(matrix, outputs);
        on_card([&] { lane_->widen(there.values, there.type, there.count, to); });
    }
    std::int64_t put_rows(int matrix, parallel::RowRange outputs, const float* from) override {
        const CardWeights::Rows there = weights_.change_there(matrix, outputs);
        return on_card([&] { return lane_->narrow(from, there.count, there.type, there.values); });
    }
    void sync() override { weights_.sync(); }
    void replaced(int matrix) override { weights_.replaced(matrix); }
    std::span<const std::byte> stored_rows(int tensor, parallel::RowRange rows,
                                           std::vector<std::byte>& room) override {
        return weights_.stored_rows(tensor, rows, room);
    }
    bool keeps_stored_rows() const override { return true; }
    void load_tensor(int tensor, const model::RowSource& source) override {
        weights_.load_tensor(tensor, source);
    }

    void load_head(const model::RowSource& source) override {
        std::vector<int> described(plan_.frame_tensors.size(), -1);
        const std::vector<int> needed = head_tensors(plan_);
        for (std::size_t d = 0; d < described.size(); ++d) {
            if (std::ranges::find(needed, plan_.frame_tensors[d]) != needed.end()) {
                described[d] = plan_.frame_tensors[d];
            }
        }
        std::vector<model::LinearLayer> layers;
        if (plan_.frame.project_out >= 0) {
            layers.push_back(projection());
        }
        weights_.load(described, {}, layers, source);
    }
    std::span<const float> features(std::int64_t sequence) override {
        return on_card([&] { return inputs_.on_host(own_features(sequence), host_values_); });
    }

    void hold_vocabulary(parallel::RowRange rows, linalg::ConstFloatView weights) override {
        on_card(
            [&] { vocabulary_.hold(rows, weights, plan_.tensor(plan_.vocabulary).scalar_type()); });
    }
    void add_vocabulary(std::int64_t sequence, std::span<TokenLoss> losses) override {
        support::check_stop();
        on_card([&] {
            vocabulary_.add(own_features(sequence), static_cast<float>(plan_.frame.logits_softcap),
                            precision_, losses);
        });
    }

  private:
    std::span<float> one_beside() {
        return beside_.at_least(static_cast<std::int64_t>(state_size()));
    }
    /// With a sequence's state and what a pass in steps keeps of it.
    template <class Use>
    void in_the_middle(std::int64_t sequence, Use use) {
        on_card([&] {
            kept_.reserve(sequences_, tokens_ * kept_width(plan_.block(block_).description));
            states_.change(sequence, [&](std::span<float> state) {
                kept_.change(sequence, [&](std::span<float> kept) { use(state, kept); });
            });
        });
    }
    void copy(std::span<const float> from, std::span<float> to) {
        lane_->copy(to.data(), from.data(), from.size_bytes());
    }
    void upload(std::span<float> to, std::span<const float> from) {
        lane_->upload(to.data(), std::as_bytes(from));
    }
    model::LinearLayer projection() const {
        model::LinearLayer layer;
        layer.weight = plan_.frame.project_out;
        layer.rows = plan_.feature_size();
        layer.cols = plan_.hidden_size();
        return layer;
    }

    std::span<float> own_features(std::int64_t sequence) {
        static const model::BlockDescription kNoBlock;
        const std::int64_t wide = plan_.hidden_size();
        const std::int64_t narrow = plan_.feature_size();
        CardMath math(*lane_, weights_.there(), kNoBlock, tables_, math_scratch_, precision_);
        ScratchCutter scratch(
            scratch_.at_least(whole_lines(tokens_ * wide) + 2 * whole_lines(tokens_ * narrow)));
        auto out = scratch.cut(tokens_ * wide);
        const std::span<const float> state = states_.on_card(sequence);
        plan_.frame.final_norm ? math.norm(*plan_.frame.final_norm, state, out)
                               : math.copy(state, out);
        if (plan_.frame.project_out >= 0) {
            const auto narrowed = scratch.cut(tokens_ * narrow);
            math.multiply({projection(), out, narrowed});
            out = narrowed;
        }
        if (plan_.frame.logits_multiplier != 1) {
            const auto scaled = scratch.cut(tokens_ * narrow);
            math.clear(scaled);
            math.add(scaled, out, plan_.frame.logits_multiplier);
            out = scaled;
        }
        return out;
    }

    template <class Use>
    void in_pass(const InputObserver& observer, Use use) {
        if (tokens_ == 0) {
            return;
        }
        support::check_stop();
        InputObserver seen;
        if (needs_ == InputNeeds::products) {
            seen = observer;
        } else if (observer) {
            seen = [&](const ObservedInput& input) { inputs_.see(input, observer); };
        }
        on_card([&] {
            inputs_.begin(needs_ == InputNeeds::squares ? squares_of_block() : 0);
            tables_.reach(tokens_);
            const BlockPlan& block = plan_.block(block_);
            const auto scratch =
                scratch_.at_least(block_scratch(block.description, plan_.hidden_size(), tokens_));
            CardMath math(*lane_, weights_.there(), block.description, tables_, math_scratch_,
                          precision_);
            BlockPass pass(block, math, plan_.hidden_size(), tokens_, scratch, seen);
            use(pass);
            inputs_.end(observer);
        });
    }

    std::int64_t squares_of_block() const {
        std::int64_t values = 0;
        for (const InputSite& site : input_sites(plan_, block_)) {
            values += site.cols;
        }
        return values;
    }

    const parallel::Team& team_;
    const ForwardPlan& plan_;
    linalg::ForwardPrecision precision_;
    std::shared_ptr<card::ForwardLane> lane_;  ///< with a runner beside this one
    CardTables tables_;
    CardBlockWeights weights_;  ///< of the block, or of the head
    CardVocabulary vocabulary_;
    CardMath::Scratch math_scratch_;
    linalg::FarBuffer scratch_;
    std::int64_t sequences_ = 0;
    std::int64_t tokens_ = 0;   ///< of each sequence
    CardStates states_;         ///< tokens × hidden each
    linalg::FarBuffer beside_;  ///< one more
    CardStates kept_;           ///< while sequences are in the middle of a block
    linalg::FarBuffer scales_;
    int block_ = 0;  ///< whose weights are loaded
    InputNeeds needs_ = InputNeeds::values;
    CardInputs inputs_;
    CardFarMemory far_;
    std::vector<float> host_values_;
};

}  // namespace

std::unique_ptr<BlockRunner> make_card_block_runner(const parallel::Communicator& node,
                                                    const parallel::Team& team,
                                                    const ForwardPlan& plan,
                                                    const ForwardSettings& settings,
                                                    BlockRunner* beside) {
    auto* const same = dynamic_cast<CardBlockRunner*>(beside);
    const auto lane = same != nullptr ? same->lane() : on_card([&] {
        return std::shared_ptr<card::ForwardLane>(
            device::CardModule::get().function<card::MakeForwardLane>(card::kMakeForwardLane)(
                *settings.card));
    });
    return std::make_unique<CardBlockRunner>(node, team, plan, settings, lane);
}

}  // namespace alphaprune::transformer
