#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "alphaprune/linalg/sgemm.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune::transformer {

/// Negative log-likelihood of a token that follows, built up from one part of the vocabulary after
/// another: nobody holds the logits of all of it.
struct TokenLoss {
    std::int64_t target = 0;
    float target_logit = 0;
    float largest = -std::numeric_limits<float>::infinity();  ///< logit so far
    double total = 0;                                         ///< Σ e^(logit − largest)

    /// When the whole vocabulary was added.
    double value() const {
        return std::log(total) + static_cast<double>(largest) - static_cast<double>(target_logit);
    }
};

/// Tokens whose losses are computed at once: always the same ones, so that the bits do not depend
/// on who computes them.
constexpr std::int64_t kPredictionTile = 128;
constexpr std::int64_t kVocabularyTile = 1024;
/// Values of scratch memory that add_vocabulary() takes.
constexpr std::int64_t kLossScratch = kPredictionTile * kVocabularyTile;

/// Adds some rows of the vocabulary's projection to the losses of at most kPredictionTile tokens.
/// @param features  one row a token
/// @param weights   those rows
/// @param softcap   of the logits; 0: none
/// @param scratch   kLossScratch values
void add_vocabulary(std::span<TokenLoss> losses, linalg::ConstFloatView features,
                    parallel::RowRange rows, linalg::ConstFloatView weights, float softcap,
                    std::span<float> scratch);

}  // namespace alphaprune::transformer
