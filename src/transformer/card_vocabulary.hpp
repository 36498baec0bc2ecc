#pragma once

#include <cstdint>
#include <span>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/transformer/token_loss.hpp"
#include "cuda/forward_lane.hpp"

namespace alphaprune::transformer {

/// Some rows of the vocabulary's projection on a card, and the losses that they are taken into.
class CardVocabulary {
  public:
    explicit CardVocabulary(card::ForwardLane& lane)
        : lane_(lane), weights_(lane), targets_(lane), losses_(lane) {}

    /// Takes the place of what was there. @param stored  type in the files
    void hold(parallel::RowRange rows, linalg::ConstFloatView weights, support::ScalarType stored);
    /// See BlockRunner::add_vocabulary(). @param features  on the card, a row a token
    void add(std::span<const float> features, float softcap, linalg::ForwardPrecision precision,
             std::span<TokenLoss> losses);

  private:
    card::ForwardLane& lane_;
    linalg::FarBuffer weights_;
    support::ScalarType type_{};
    parallel::RowRange rows_;
    std::int64_t width_ = 0;
    linalg::FarBuffer targets_;
    linalg::FarBuffer losses_;
};

}  // namespace alphaprune::transformer
