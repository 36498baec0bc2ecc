#include <algorithm>
#include <cassert>
#include <optional>
#include <vector>

#include "aligned_floats.hpp"
#include "alphaprune/linalg/arithmetic.hpp"
#include "alphaprune/transformer/block_runner.hpp"
#include "block_pass.hpp"
#include "embedding.hpp"
#include "layers.hpp"
#include "rotary.hpp"
#include "shared_weights.hpp"

namespace alphaprune::transformer {
namespace {

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
        : node_(node), plan_(plan) {
        linalg::use_one_blas_thread();
        const auto of_block = [](const BlockPlan& block) { return rotates(block.description); };
        if (std::ranges::any_of(plan.blocks, of_block)) {
            const model::ModelConfiguration& model = plan.configuration();
            rotary_ = RotaryTable(rotary_frequencies(model.rope, model.head_size));
        }
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
        hold(plan_.block(block).tensors, source);
        block_ = block;
    }

    void advance(std::int64_t sequence) override { run(state(sequence), {}); }

    void observe(std::int64_t sequence, const InputObserver& observer) override {
        const auto kept = state(sequence);
        observed_.assign(kept.begin(), kept.end());
        run(observed_, observer);
    }

    std::span<float> rows(int matrix, parallel::RowRange rows) override {
        const model::MatrixInfo& info = plan_.catalogue->matrices[static_cast<std::size_t>(matrix)];
        assert(0 <= rows.begin && rows.begin <= rows.end && rows.end <= info.rows);
        return weights_->values(info.tensor)
            .subspan(static_cast<std::size_t>((info.first_row + rows.begin) * info.cols),
                     static_cast<std::size_t>(rows.size() * info.cols));
    }

    void sync() override { weights_->sync(); }

    void load_head(const model::RowSource& source) override { hold(head_tensors(plan_), source); }

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
    }

  private:
    std::span<float> state(std::int64_t sequence) {
        return std::span(states_).subspan(static_cast<std::size_t>(sequence) * state_size(),
                                          state_size());
    }

    /// The memory of the block before is given back first.
    void hold(std::vector<int> tensors, const model::RowSource& source) {
        weights_.reset();
        weights_.emplace(node_, *plan_.catalogue, std::move(tensors));
        weights_->load(source);
    }

    void run(std::span<float> hidden, const InputObserver& observer) {
        if (tokens_ == 0) {
            return;
        }
        rotary_.reach(tokens_);
        const BlockPlan& block = plan_.block(block_);
        const auto scratch =
            scratch_.at_least(block_scratch(block.description, plan_.hidden_size(), tokens_));
        BlockPass(block, *weights_, rotary_, tokens_, scratch, observer).run(hidden);
    }

    const parallel::Communicator& node_;
    const ForwardPlan& plan_;
    RotaryTable rotary_;  ///< empty where nothing is rotated
    AlignedFloats scratch_;
    std::int64_t sequences_ = 0;
    std::int64_t tokens_ = 0;      ///< of each sequence
    std::vector<float> states_;    ///< one after another, tokens × hidden each
    std::vector<float> observed_;  ///< one more
    std::optional<SharedWeights> weights_;
    int block_ = 0;  ///< whose weights are loaded
};

}  // namespace

std::unique_ptr<BlockRunner> make_cpu_block_runner(const parallel::Communicator& node,
                                                   const ForwardPlan& plan) {
    return std::make_unique<CpuBlockRunner>(node, plan);
}

}  // namespace alphaprune::transformer
