#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "block_math.hpp"
#include "layers.hpp"
#include "rotary.hpp"
#include "scratch_cutter.hpp"

namespace alphaprune::transformer {

/// On the processor's cores, by the team of the weights: every call is made by all of its ranks, in
/// whose memory the values lie.
class CpuMath : public BlockMath {
  public:
    /// Values of scratch that each thread takes, whatever the block.
    static std::int64_t thread_scratch();

    /// All arguments outlive the object.
    CpuMath(const LayerWeights& weights, const model::BlockDescription& block,
            const RotaryTables& rotary, const ThreadScratch& of_threads)
        : weights_(weights), block_(block), rotary_(rotary), of_threads_(of_threads) {}

    using BlockMath::multiply;
    void norm(const model::NormLayer& norm, std::span<const float> values,
              std::span<float> out) override {
        weights_.run(norm, values, out);
    }
    void multiply(std::span<const Product> products) override { weights_.run(products); }
    void run_mlps(std::span<const MlpWork> works) override;
    void rotate(const model::RotaryLayer& rotary, const Heads& heads) override;
    void attend(const AttentionWork& work) override;

    void copy(std::span<const float> from, std::span<float> to) override;
    void copy_columns(const ColumnCopy& work) override;
    void clear(std::span<float> values) override;
    void add(std::span<float> sum, std::span<float> added, double factor) override;

    std::vector<RoutedTokens> route(const model::ExpertsLayer& experts, std::int64_t count,
                                    std::span<const float> logits) override;
    void gather(std::span<const float> from, std::int64_t width,
                std::span<const TokenRows> to) override;
    void add_experts(std::span<const ExpertOutput> experts, std::int64_t width,
                     std::span<float> sum) override;
    void add_gated(std::span<float> sum, std::span<float> values, std::int64_t width,
                   std::span<const float> gates) override;

    void sync() override { weights_.team().sync(); }

  private:
    const model::LinearLayer& layer(int index) const {
        return block_.layers[static_cast<std::size_t>(index)];
    }
    /// A tile of what the last layer of an MLP is given.
    void run_inner_tile(const MlpWork& work, const ProductInputs& inputs, std::size_t input,
                        const ProductTile& tile, int thread) const;

    const LayerWeights& weights_;
    const model::BlockDescription& block_;
    const RotaryTables& rotary_;
    const ThreadScratch& of_threads_;
};

}  // namespace alphaprune::transformer
