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
#include "card_failure.hpp"
#include "card_inputs.hpp"
#include "card_math.hpp"
#include "card_sums.hpp"
#include "card_vocabulary.hpp"
#include "card_weights.hpp"
#include "layers.hpp"

namespace alphaprune::transformer {
namespace {

class CardBlockRunner : public BlockRunner {
  public:
    CardBlockRunner(const parallel::Communicator& node, const parallel::Team& team,
                    const ForwardPlan& plan, linalg::ForwardPrecision precision,
                    std::shared_ptr<card::ForwardLane> lane)
        : node_(node),
          team_(team),
          plan_(plan),
          precision_(precision),
          lane_(std::move(lane)),
          tables_(*lane_, rotations(plan.blocks)),
          weights_(*lane_, precision),
          vocabulary_(*lane_),
          math_scratch_(*lane_),
          scratch_(*lane_),
          states_(*lane_),
          beside_(*lane_),
          kept_(*lane_),
          scales_(*lane_),
          inputs_(*lane_),
          far_(*lane_, precision) {
        assert(team.ranks().size() == 1);
    }

    const std::shared_ptr<card::ForwardLane>& lane() const { return lane_; }

    void embed(std::span<const std::span<const std::int32_t>> sequences,
               const model::RowSource& source) override {
        sequences_ = static_cast<std::int64_t>(sequences.size());
        tokens_ = sequences.empty() ? 0 : static_cast<std::int64_t>(sequences.front().size());
        std::vector<float> state(state_size());
        on_card([&] {
            states_.at_least(sequences_ * static_cast<std::int64_t>(state_size()));
            for (std::int64_t s = 0; s < sequences_; ++s) {
                embed_tokens(plan_, source, sequences[static_cast<std::size_t>(s)], 0, state);
                upload(own_state(s), state);
            }
        });
    }

    std::int64_t sequences() const override { return sequences_; }
    std::size_t state_size() const override {
        return static_cast<std::size_t>(tokens_ * plan_.hidden_size());
    }
    std::span<const float> state(std::int64_t sequence) override {
        return on_card([&] { return inputs_.on_host(own_state(sequence), host_values_); });
    }
    void put_state(std::int64_t sequence, std::span<const float> values) override {
        on_card([&] { upload(own_state(sequence), values); });
    }
    void keep_state(std::int64_t sequence) override {
        on_card([&] { copy(own_state(sequence), one_beside()); });
    }
    void put_back_state(std::int64_t sequence) override {
        on_card([&] { copy(one_beside(), own_state(sequence)); });
    }

    void load(int block, const model::RowSource& source) override {
        const BlockPlan& plan = plan_.block(block);
        hold(plan.tensors, plan.layouts, source);
        block_ = block;
        parallel::run_collectively(node_, [&] {
            on_card([&] {
                weights_.load(*plan_.catalogue, plan.tensors, plan.layouts, plan.description.layers,
                              *host_weights_);
            });
        });
    }

    void set_needs(InputNeeds needs) override { needs_ = needs; }
    linalg::FarMemory* far() override { return needs_ == InputNeeds::products ? &far_ : nullptr; }

    void advance(std::int64_t sequence) override {
        in_pass({}, [&](BlockPass& pass) { pass.run(own_state(sequence)); });
    }

    void observe(std::int64_t sequence, const InputObserver& observer) override {
        keep_state(sequence);
        in_pass(observer, [&](BlockPass& pass) { pass.run_to_last_site(one_beside()); });
    }

    void finish_observing() override {
        on_card([&] { inputs_.finish(); });
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
        fetch(info_of(matrix).tensor);
        return on_host(matrix, outputs);
    }
    bool can_drop() const override { return true; }
    std::int64_t drop_lowest(int matrix, parallel::RowRange outputs, std::span<const float> scales,
                             const RowDrop& drop) override {
        will_change(matrix, outputs);
        const CardWeights::Rows there = rows_there(matrix, outputs);
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
        const CardWeights::Rows there = rows_there(matrix, outputs);
        on_card([&] { lane_->widen(there.values, there.type, there.count, to); });
    }
    std::int64_t put_rows(int matrix, parallel::RowRange outputs, const float* from) override {
        will_change(matrix, outputs);
        const CardWeights::Rows there = rows_there(matrix, outputs);
        return on_card([&] { return lane_->narrow(from, there.count, there.type, there.values); });
    }
    void sync() override { host_weights_->sync(); }
    void replaced(int matrix) override {
        const model::MatrixInfo& info = info_of(matrix);
        const bool is_here = std::ranges::any_of(changed_, [&](const Changed& one) {
            return one.matrix == matrix && one.outputs.size() == info.outputs();
        });
        if (!is_here) {
            fetch(info.tensor);
        }
        host_weights_->sync();
        if (!is_here) {
            reload(info.tensor);
        }
    }
    void stored_rows(int tensor, parallel::RowRange rows, std::span<float> out) override {
        fetch(tensor);
        host_weights_->stored_rows(tensor, rows, out);
    }
    void load_tensor(int tensor, const model::RowSource& source) override {
        forget_changes(tensor);
        host_weights_->load_tensor(tensor, source);
        reload(tensor);
    }

    void load_head(const model::RowSource& source) override {
        hold(head_tensors(plan_), {}, source);
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
        parallel::run_collectively(node_, [&] {
            on_card(
                [&] { weights_.load(*plan_.catalogue, described, {}, layers, *host_weights_); });
        });
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
    std::span<float> own_state(std::int64_t sequence) {
        return states_.at_least(sequences_ * static_cast<std::int64_t>(state_size()))
            .subspan(static_cast<std::size_t>(sequence) * state_size(), state_size());
    }
    std::span<float> one_beside() {
        return beside_.at_least(static_cast<std::int64_t>(state_size()));
    }
    /// What a pass in steps keeps of a sequence.
    std::span<float> kept(std::int64_t sequence) {
        const std::int64_t each = tokens_ * kept_width(plan_.block(block_).description);
        return kept_.at_least(each * sequences_)
            .subspan(static_cast<std::size_t>(sequence * each), static_cast<std::size_t>(each));
    }
    void copy(std::span<const float> from, std::span<float> to) {
        lane_->copy(to.data(), from.data(), from.size_bytes());
    }
    void upload(std::span<float> to, std::span<const float> from) {
        lane_->upload(to.data(), std::as_bytes(from));
    }
    /// The memory of the block before is given back first.
    void hold(std::vector<int> tensors, std::vector<TensorLayout> layouts,
              const model::RowSource& source) {
        changed_.clear();
        host_weights_.reset();
        host_weights_.emplace(node_, *plan_.catalogue, std::move(tensors), std::move(layouts),
                              team_.threads());
        host_weights_->load(source);
    }
    const model::MatrixInfo& info_of(int matrix) const {
        return plan_.catalogue->matrices[static_cast<std::size_t>(matrix)];
    }
    std::span<float> on_host(int matrix, parallel::RowRange outputs) {
        const model::MatrixInfo& info = info_of(matrix);
        return host_weights_->outputs(info.tensor, info.expert, info.pattern, info.outputs())
            .subspan(static_cast<std::size_t>(outputs.begin * info.inputs()),
                     static_cast<std::size_t>(outputs.size() * info.inputs()));
    }
    CardWeights::Rows rows_there(int matrix, parallel::RowRange outputs) const {
        return weights_.rows(info_of(matrix), outputs);
    }

    /// Brings rows of a tensor that have changed on the card alone to the host.
    void fetch(int tensor) {
        for (const Changed& one : changed_) {
            if (info_of(one.matrix).tensor != tensor) {
                continue;
            }
            const CardWeights::Rows there = rows_there(one.matrix, one.outputs);
            const std::span<float> values = on_host(one.matrix, one.outputs);
            stored_.resize(values.size() * support::size_of(there.type));
            on_card([&] { lane_->download(stored_, there.values); });
            constexpr std::int64_t kSlice = 1 << 16;
            team_.threads().run_slices(std::ssize(values), kSlice, [&](parallel::RowRange some) {
                const auto size = support::size_of(there.type);
                support::widen(std::span<const std::byte>(stored_).subspan(
                                   static_cast<std::size_t>(some.begin) * size,
                                   static_cast<std::size_t>(some.size()) * size),
                               there.type, rows_of(values, 1, some));
            });
        }
        forget_changes(tensor);
    }

    void will_change(int matrix, parallel::RowRange outputs) {
        changed_.push_back({matrix, outputs});
        weights_.will_change(info_of(matrix).tensor);
    }
    void forget_changes(int tensor) {
        std::erase_if(changed_,
                      [&](const Changed& one) { return info_of(one.matrix).tensor == tensor; });
    }

    void reload(int tensor) {
        parallel::run_collectively(node_, [&] { on_card([&] { weights_.reload(tensor); }); });
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
        CardMath math(*lane_, weights_, kNoBlock, tables_, math_scratch_, precision_);
        ScratchCutter scratch(
            scratch_.at_least(whole_lines(tokens_ * wide) + 2 * whole_lines(tokens_ * narrow)));
        auto out = scratch.cut(tokens_ * wide);
        plan_.frame.final_norm ? math.norm(*plan_.frame.final_norm, own_state(sequence), out)
                               : math.copy(own_state(sequence), out);
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
            CardMath math(*lane_, weights_, block.description, tables_, math_scratch_, precision_);
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

    const parallel::Communicator& node_;
    const parallel::Team& team_;
    const ForwardPlan& plan_;
    linalg::ForwardPrecision precision_;
    std::shared_ptr<card::ForwardLane> lane_;  ///< with a runner beside this one
    CardTables tables_;
    CardWeights weights_;  ///< of the block, or of the head
    CardVocabulary vocabulary_;
    CardMath::Scratch math_scratch_;
    linalg::FarBuffer scratch_;
    std::int64_t sequences_ = 0;
    std::int64_t tokens_ = 0;   ///< of each sequence
    linalg::FarBuffer states_;  ///< one after another, tokens × hidden each
    linalg::FarBuffer beside_;  ///< one more
    linalg::FarBuffer kept_;    ///< of all sequences, while they are in the middle of a block
    std::optional<SharedWeights> host_weights_;
    /// Outputs of a matrix that have changed on the card and not on the host.
    struct Changed {
        int matrix = 0;
        parallel::RowRange outputs;
    };
    std::vector<Changed> changed_;
    std::vector<std::byte> stored_;  ///< of them, on their way
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
                                                    linalg::ForwardPrecision precision, int card,
                                                    BlockRunner* beside) {
    auto* const same = dynamic_cast<CardBlockRunner*>(beside);
    const auto lane = same != nullptr ? same->lane() : on_card([&] {
        return std::shared_ptr<card::ForwardLane>(
            device::CardModule::get().function<card::MakeForwardLane>(card::kMakeForwardLane)(
                card));
    });
    return std::make_unique<CardBlockRunner>(node, team, plan, precision, lane);
}

}  // namespace alphaprune::transformer
