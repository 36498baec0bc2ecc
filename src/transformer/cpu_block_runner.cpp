#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "block_pass.hpp"
#include "layers.hpp"
#include "rotary.hpp"
#include "scratch_cutter.hpp"
#include "shared_weights.hpp"
#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

const support::Failure<std::string> kNoRoom{
    "transformer.out-of-memory", "out of memory: no room for the activations of a sequence ({})",
    "the ranks of the node need more memory than it has",
    "use shorter sequences (--seqlen) or fewer ranks on a node"};

/// float32 memory aligned to cache lines, its values undefined at first: scratch that is used again
/// and again, so that the system need not clear pages for every call.
class AlignedFloats {
  public:
    /// Room for so many values; what was there is lost when it has to grow.
    /// @throws Error (failure) when there is not enough memory
    std::span<float> at_least(std::int64_t count) {
        const auto wanted = static_cast<std::size_t>(whole_lines(count));
        if (wanted > capacity_) {
            values_.reset();
            capacity_ = 0;
            const std::size_t bytes = wanted * sizeof(float);
            values_.reset(static_cast<float*>(
                std::aligned_alloc(static_cast<std::size_t>(kLineFloats) * sizeof(float), bytes)));
            if (!values_) {
                throw kNoRoom(support::host_name(), support::human_bytes(bytes));
            }
            capacity_ = wanted;
        }
        return {values_.get(), static_cast<std::size_t>(count)};
    }

  private:
    struct Free {
        void operator()(float* values) const { std::free(values); }
    };
    std::unique_ptr<float[], Free> values_;
    std::size_t capacity_ = 0;
};

/// Final norm and output projection, except the vocabulary projection itself.
std::vector<int> head_tensors(const ForwardPlan& plan) {
    const model::NormLayer norm = plan.frame.final_norm.value_or(model::NormLayer{});
    std::vector<int> tensors;
    for (const int described : {norm.weight, norm.bias, plan.frame.project_out}) {
        if (described >= 0) {
            tensors.push_back(plan.frame_tensors[static_cast<std::size_t>(described)]);
        }
    }
    return tensors;
}

class CpuBlockRunner : public BlockRunner {
  public:
    CpuBlockRunner(const parallel::Communicator& node, const ForwardPlan& plan)
        : node_(node), plan_(plan), rotary_(rotations(plan.blocks)) {
        linalg::use_one_blas_thread();
    }

    void embed(std::span<const std::span<const std::int32_t>> sequences,
               const model::RowSource& source) override {
        sequences_ = static_cast<std::int64_t>(sequences.size());
        tokens_ = sequences.empty() ? 0 : static_cast<std::int64_t>(sequences.front().size());
        states_.resize(sequences.size() * state_size());
        for (std::size_t s = 0; s < sequences.size(); ++s) {
            assert(static_cast<std::int64_t>(sequences[s].size()) == tokens_);
            embed_tokens(plan_, source, sequences[s], state(static_cast<std::int64_t>(s)));
        }
    }

    std::int64_t sequences() const override { return sequences_; }
    std::size_t state_size() const override {
        return static_cast<std::size_t>(tokens_ * plan_.hidden_size());
    }
    std::span<float> states() override { return states_; }

    void load(int block, const model::RowSource& source) override {
        const BlockPlan& plan = plan_.block(block);
        hold(plan.tensors, plan.layouts, source);
        block_ = block;
    }

    void advance(std::int64_t sequence) override {
        in_pass({}, [&](BlockPass& pass) { pass.run(state(sequence)); });
    }

    void observe(std::int64_t sequence, const InputObserver& observer) override {
        const auto before = state(sequence);
        observed_.assign(before.begin(), before.end());
        in_pass(observer, [&](BlockPass& pass) { pass.run_to_last_site(observed_); });
    }

    void step(std::int64_t sequence, std::size_t site, const InputObserver& observer) override {
        in_pass(observer,
                [&](BlockPass& pass) { pass.step(site, state(sequence), kept(sequence)); });
    }

    void leave(std::int64_t sequence) override {
        in_pass({}, [&](BlockPass& pass) { pass.leave(state(sequence), kept(sequence)); });
    }

    void step_and_leave(std::int64_t sequence, const InputObserver& observer) override {
        in_pass(observer,
                [&](BlockPass& pass) { pass.step_and_leave(state(sequence), kept(sequence)); });
    }

    std::span<float> rows(int matrix, parallel::RowRange outputs) override {
        const model::MatrixInfo& info = plan_.catalogue->matrices[static_cast<std::size_t>(matrix)];
        assert(0 <= outputs.begin && outputs.begin <= outputs.end && outputs.end <= info.outputs());
        return weights_->outputs(info.tensor, info.expert, info.pattern, info.outputs())
            .subspan(static_cast<std::size_t>(outputs.begin * info.inputs()),
                     static_cast<std::size_t>(outputs.size() * info.inputs()));
    }

    void sync() override { weights_->sync(); }

    void stored_rows(int tensor, parallel::RowRange rows, std::span<float> out) override {
        weights_->stored_rows(tensor, rows, out);
    }

    void load_tensor(int tensor, const model::RowSource& source) override {
        weights_->load_tensor(tensor, source);
    }

    void load_head(const model::RowSource& source) override {
        hold(head_tensors(plan_), {}, source);
    }

    void features(std::int64_t sequence, std::span<float> out) override {
        const std::int64_t wide = plan_.hidden_size();
        const std::int64_t narrow = plan_.feature_size();
        assert(out.size() == static_cast<std::size_t>(tokens_ * narrow));
        const LayerWeights layers(*weights_, plan_.frame_tensors);
        const bool projects = plan_.frame.project_out >= 0;
        const auto normed = projects ? scratch_.at_least(tokens_ * wide) : out;
        if (plan_.frame.final_norm) {
            layers.run(*plan_.frame.final_norm, state(sequence), normed);
        } else {
            std::ranges::copy(state(sequence), normed.begin());
        }
        if (projects) {
            model::LinearLayer projection;
            projection.weight = plan_.frame.project_out;
            projection.rows = narrow;
            projection.cols = wide;
            layers.run(projection, normed, out);
        }
        if (plan_.frame.logits_multiplier != 1) {
            scale(out, static_cast<float>(plan_.frame.logits_multiplier));
        }
    }

  private:
    std::span<float> state(std::int64_t sequence) {
        return std::span(states_).subspan(static_cast<std::size_t>(sequence) * state_size(),
                                          state_size());
    }

    /// The memory of the block before is given back first.
    void hold(std::vector<int> tensors, std::vector<TensorLayout> layouts,
              const model::RowSource& source) {
        weights_.reset();
        weights_.emplace(node_, *plan_.catalogue, std::move(tensors), std::move(layouts));
        weights_->load(source);
    }

    /// What a pass in steps keeps of a sequence.
    std::span<float> kept(std::int64_t sequence) {
        const auto each =
            static_cast<std::size_t>(tokens_ * kept_width(plan_.block(block_).description));
        kept_.resize(std::max(kept_.size(), each * static_cast<std::size_t>(sequences_)));
        return std::span(kept_).subspan(static_cast<std::size_t>(sequence) * each, each);
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
        BlockPass pass(block, *weights_, rotary_, plan_.hidden_size(), tokens_, scratch, observer);
        use(pass);
    }

    const parallel::Communicator& node_;
    const ForwardPlan& plan_;
    RotaryTables rotary_;
    AlignedFloats scratch_;
    std::int64_t sequences_ = 0;
    std::int64_t tokens_ = 0;      ///< of each sequence
    std::vector<float> states_;    ///< one after another, tokens × hidden each
    std::vector<float> observed_;  ///< one more
    std::vector<float> kept_;      ///< of all sequences, while they are in the middle of a block
    std::optional<SharedWeights> weights_;
    int block_ = 0;  ///< whose weights are loaded
};

}  // namespace

std::unique_ptr<BlockRunner> make_cpu_block_runner(const parallel::Communicator& node,
                                                   const ForwardPlan& plan) {
    return std::make_unique<CpuBlockRunner>(node, plan);
}

}  // namespace alphaprune::transformer
