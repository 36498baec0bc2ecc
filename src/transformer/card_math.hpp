#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "alphaprune/linalg/far_lane.hpp"
#include "block_math.hpp"
#include "card_weights.hpp"
#include "cuda/forward_lane.hpp"
#include "rotary.hpp"

namespace alphaprune::transformer {

/// What the operations of passes on a card keep from one pass to the next.
class CardTables {
  public:
    explicit CardTables(card::ForwardLane& lane, std::vector<model::RotaryLayer> rotations)
        : lane_(lane), rotations_(rotations), host_(std::move(rotations)) {}

    /// For sequences of so many tokens.
    void reach(std::int64_t tokens);

    /// Of a rotation, one row a position.
    struct Rotary {
        std::span<const float> cos;
        std::span<const float> sin;
        const RotaryTable* table = nullptr;
    };
    Rotary rotary(const model::RotaryLayer& layer);
    /// What ALiBi adds to the scores: heads × tokens.
    std::span<const float> alibi(std::int64_t heads);

  private:
    card::ForwardLane& lane_;
    std::vector<model::RotaryLayer> rotations_;
    RotaryTables host_;
    std::int64_t tokens_ = 0;
    std::map<std::size_t, std::pair<linalg::FarBuffer, linalg::FarBuffer>>
        rotary_;                                       ///< by their places
    std::map<std::int64_t, linalg::FarBuffer> alibi_;  ///< by numbers of heads
};

/// On a graphics card. Spans are of its memory. Faults of the card come as device::CardError.
class CardMath : public BlockMath {
  public:
    /// Memory that operations use beside what they are given.
    struct Scratch {
        explicit Scratch(card::ForwardLane& lane) : up(lane), indices(lane), factors(lane) {}
        linalg::FarBuffer up;  ///< what the up layers of MLPs make
        linalg::FarBuffer indices;
        linalg::FarBuffer factors;
    };

    /// All arguments outlive the object.
    CardMath(card::ForwardLane& lane, CardWeights& weights, const model::BlockDescription& block,
             CardTables& tables, Scratch& scratch, linalg::ForwardPrecision precision)
        : lane_(lane),
          weights_(weights),
          block_(block),
          tables_(tables),
          scratch_(scratch),
          precision_(precision) {}

    using BlockMath::multiply;
    void norm(const model::NormLayer& norm, std::span<const float> values,
              std::span<float> out) override;
    void multiply(std::span<const Product> products) override;
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

    void sync() override {}  // operations come in order

  private:
    const model::LinearLayer& layer(int index) const {
        return block_.layers[static_cast<std::size_t>(index)];
    }
    card::Product product(const Product& work) const;
    /// What products of prunable layers will do with the values that they are given.
    card::Intent intent() const;
    /// Those of prunable layers in the precision asked for; routers decide in float32.
    void multiply_all(std::span<const card::Product> products,
                      std::span<const model::LinearLayer* const> layers);

    card::ForwardLane& lane_;
    CardWeights& weights_;
    const model::BlockDescription& block_;
    CardTables& tables_;
    Scratch& scratch_;
    linalg::ForwardPrecision precision_;
};

}  // namespace alphaprune::transformer
